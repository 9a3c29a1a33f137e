from composegen.cli.app import main

main()
