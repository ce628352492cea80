"""The WCC Lite's workbook as configuration: a sheet `Devices`, sheets whose names begin with `Signals`.

Row 1 names the columns, in any order; each further row is an entry; an empty row ends the sheet. A sheet `Ports` (port,
node) is meterd's own. Spreadsheets are kind to people and hard on codes: they make dates of OBIS codes, drop leading
zeros and digits beyond the fifteenth, merge and hide. Whatever may have been altered so is refused by its cell.

`archive` bounds what is unpacked, `columns` knows the headers, `cells` says what one cell means, `reading` reads a
sheet, `source` makes rows with places of them, `writing` is export and template.
"""
