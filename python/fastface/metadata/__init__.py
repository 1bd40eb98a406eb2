"""Names of people in and beside photo files: XMP, Picasa and Google Takeout, in and out."""
