"""What composegen puts into a container for an IDE, over SSH, into the home of the user who logs in.

container   what decides whether something fits into it
unpack      an archive, as it comes over the line
backend     JetBrains' backends there: listed, put, registered, removed
installing  from what a user asked for to a backend that is there
extensions  those of VS Code's and Cursor's servers
"""
