"""The specification, as tests. Folders mirror the packages; journeys/ tell whole stories over HTTP."""
