"""What people look at: tables, pages, pictures. Nobody below imports it."""
