"""What the server remembers: tables, images, and the audit log. No HTTP here, no SQL elsewhere."""
