"""The server: REST under ``/api/v1``. A route loads, calls one function, returns a schema."""
