"""Reports of an import or a validation as files: XLSX, CSV, GeoPackage, GeoJSON, HTML for A4."""
