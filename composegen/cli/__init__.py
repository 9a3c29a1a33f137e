"""The roof: flags → one library call → print. The only room that prints or exits, and nothing imports it."""
