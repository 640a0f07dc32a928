"""The demo: invented news sites on loopback and a generated cadastral sheet, so that the product shows something offline."""
