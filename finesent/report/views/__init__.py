"""One module a section: from the content to the tables, charts and sentences that its template lays out."""
