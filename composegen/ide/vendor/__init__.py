"""What vendors publish, down to a file of this machine that was verified before anything of it is unpacked.

feed      a vendor's release feed → the release for an architecture
download  a URL → a file: resumed, with a bound on silence; SHA-256
archive   what is in the .tar.gz of an IDE
vsix      what is in an extension of VS Code's
obtain    file, URL or feed → a verified archive
"""
