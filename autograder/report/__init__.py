"""What people read: feedback pages, the report on a class, tables, exports, and the sentences in them."""
