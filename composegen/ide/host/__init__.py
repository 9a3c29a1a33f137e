"""Gateway or Toolbox on this machine, and off it again.

programs    the programs as data, and the vendor's way where this is no Linux
places      where program, command and menu entry go
desktop     the menu entry's text
records     what was put there, so that exactly that is taken out
placing     unpacking beside, then switching by renames
installing  from what a user asked for to a program that is there
"""
