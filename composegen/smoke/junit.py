"""A report as JUnit XML, which CI systems show (https://github.com/testmoapp/junitxml describes what they agree on)."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from composegen.model import Finding, Report

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets


def junit(report: Report, *, suite: str) -> str:
    """The report as an XML document; `suite` names it."""
    outcomes = [finding.outcome for finding in report.findings]
    root = ElementTree.Element(
        "testsuite",
        name=_clean(suite),
        tests=str(len(outcomes)),
        failures=str(outcomes.count("fail")),
        skipped=str(outcomes.count("skip")),
        errors="0",
        time=f"{report.seconds:.3f}",
    )
    root.extend(_case(finding) for finding in report.findings)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(finding: Finding) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="composegen.test", name=finding.name, time=f"{finding.seconds:.3f}")
    detail = _clean(finding.detail)
    if finding.outcome == "fail":
        failure = ElementTree.SubElement(case, "failure", message=detail.split("\n")[0])
        failure.text = "\n".join(filter(None, [detail, _clean(finding.hint)]))
    elif finding.outcome == "skip":
        ElementTree.SubElement(case, "skipped", message=detail)
    else:
        ElementTree.SubElement(case, "system-out").text = "\n".join(filter(None, [detail, _clean(finding.hint)]))
    return case


def _clean(text: str) -> str:
    """XML has no way to say most control characters."""
    return NOT_XML.sub("�", text)
