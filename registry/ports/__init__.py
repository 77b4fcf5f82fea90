"""What outsiders supply: the ports that adapters, engines and stores implement. Frozen values and protocols only.

Adapters must run on a machine that has their one library and little else, so nothing here needs Pydantic or a database.
"""
