"""How QGIS draws a report: styles in its own form (QML), by severity."""

from __future__ import annotations

from xml.etree import ElementTree as ET

COLOURS = {"Lỗi": "196,30,45", "Cảnh báo": "217,119,6", "Thông tin": "37,99,160", "Không có": "90,110,100"}
"""Red, green and blue of each severity; `Không có` is a parcel without a finding."""

_VERSION = "3.28.0"


def parcels() -> str:
    """Outlines coloured by the worst finding, with sheet and parcel number as labels."""
    root, renderer = _categories("2")
    for name, colour in COLOURS.items():
        alpha = "0" if name == "Không có" else "50"
        _fill(renderer, name, f"{colour},{alpha}", f"{colour},255", "0.4" if name != "Không có" else "0.2")
    _label(root, "so_thua")
    return _text(root)


def faces() -> str:
    """Faces of findings, filled."""
    root, renderer = _categories("2")
    for name, colour in COLOURS.items():
        _fill(renderer, name, f"{colour},150", f"{colour},255", "0.5")
    return _text(root)


def points() -> str:
    """Findings as circles with the code of the rule."""
    root, renderer = _categories("0")
    for name, colour in COLOURS.items():
        layer = _symbol(renderer, name, "marker", "SimpleMarker")
        _options(
            layer,
            {
                "name": "circle",
                "color": f"{colour},255",
                "outline_color": "255,255,255,255",
                "outline_width": "0.3",
                "outline_width_unit": "MM",
                "size": "3",
                "size_unit": "MM",
            },
        )
    _label(root, "ma")
    return _text(root)


def _categories(geometry: str) -> tuple[ET.Element, ET.Element]:
    """A style with one category for each severity, and its renderer."""
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology|Labeling", labelsEnabled="1")
    renderer = ET.SubElement(
        root,
        "renderer-v2",
        type="categorizedSymbol",
        attr="muc_do",
        symbollevels="0",
        enableorderby="0",
        forceraster="0",
    )
    categories = ET.SubElement(renderer, "categories")
    for number, name in enumerate(COLOURS):
        ET.SubElement(categories, "category", value=name, label=name, symbol=str(number), render="true", type="string")
    ET.SubElement(renderer, "symbols")
    ET.SubElement(root, "layerGeometryType").text = geometry
    return root, renderer


def _symbol(renderer: ET.Element, name: str, kind: str, layer_class: str) -> ET.Element:
    symbols = renderer.find("symbols")
    assert symbols is not None
    number = str(list(COLOURS).index(name))
    symbol = ET.SubElement(symbols, "symbol", type=kind, name=number, alpha="1", clip_to_extent="1", force_rhr="0")
    layer: ET.Element = ET.SubElement(
        symbol, "layer", {"class": layer_class, "enabled": "1", "locked": "0", "pass": "0"}
    )
    return layer


def _fill(renderer: ET.Element, name: str, colour: str, outline: str, width: str) -> None:
    layer = _symbol(renderer, name, "fill", "SimpleFill")
    _options(
        layer,
        {
            "style": "solid",
            "color": colour,
            "outline_color": outline,
            "outline_style": "solid",
            "outline_width": width,
            "outline_width_unit": "MM",
            "joinstyle": "round",
        },
    )


def _options(layer: ET.Element, values: dict[str, str]) -> None:
    """Settings of a symbol in the form of QGIS 3.20 and later, and in the one before."""
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in values.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
    for name, value in values.items():
        ET.SubElement(layer, "prop", k=name, v=value)


def _label(root: ET.Element, column: str) -> None:
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings", calloutType="simple")
    ET.SubElement(
        settings,
        "text-style",
        fieldName=column,
        isExpression="0",
        fontSize="8",
        fontSizeUnit="Point",
        textColor="40,40,40,255",
        namedStyle="Regular",
    )


def _text(root: ET.Element) -> str:
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode")
