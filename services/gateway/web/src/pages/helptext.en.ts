/** The help in English. */
import { html, type TemplateResult } from "lit-html";

export const generalEn = (): TemplateResult => html`
  <h2>How to use Ngọc Linh</h2>
  <h3>Cadastral officer: check a file of parcels</h3>
  <ol>
    <li>Open <a href="#/land">Land</a> and drop the file on “Drop a file here” (zipped Shapefile, GeoPackage, GeoJSON, GML, DXF, DGN V7, a table of corner points in Excel or CSV).</li>
    <li>You need not know the coordinate system: it is read from the file or detected. If the central meridian is wrong, the page says how and offers the fix.</li>
    <li>Click a finding to see it on the map. VN-2000 coordinates come first: X is north, Y is east.</li>
    <li>Download the GeoPackage for QGIS, the Excel file for the surveyors, the HTML report to print on A4.</li>
  </ol>
  <h3>Press analyst</h3>
  <ol>
    <li>Open <a href="#/news">News</a> and click a shortcut, such as “Yesterday: critical about land”.</li>
    <li>A query with marks is exact, one without marks matches all marks: “dat dai” finds “đất đai”.</li>
    <li>Labels are suggested by a machine; the sentence that decided is marked in the text. Click the right label where one is wrong: what a person says is kept and goes first.</li>
    <li>Open <a href="#/brief">Press review</a> to download yesterday's Word file or to copy the text for Zalo.</li>
  </ol>
  <h3>Leader</h3>
  <ol>
    <li><a href="#/">Situation</a> shows the figures of each commune, each with the age of its data. Click a commune on the map to see it alone.</li>
    <li>“Wall view” passes from commune to commune; Esc leaves it.</li>
  </ol>
  <h3>Keyboard</h3>
  <p>Tab passes the parts; arrow up, arrow down, Home and End move within a list; Enter opens; “Skip to the content” is the first link.</p>
`;

export const dwgEn = (): TemplateResult => html`
  <h2>Export DWG, .mdb and DGN V8 to a format that can be read</h2>
  <p>Only the makers' own programs read these three completely. Export to DXF, Shapefile or GeoPackage as below, then drop the file on <a href="#/land">Land</a>.</p>
  <h3>DWG (AutoCAD)</h3>
  <ol>
    <li>AutoCAD: <b>Save As</b> › <b>AutoCAD 2018 DXF (*.dxf)</b>, or the command <kbd>DXFOUT</kbd>.</li>
    <li>AutoCAD Map 3D, Civil 3D: <kbd>MAPEXPORT</kbd> › <b>ESRI Shapefile</b>, object type <b>Polygon</b>, the layer of the boundaries; on the Data tab choose sheet, number and land use.</li>
    <li>Without AutoCAD: ODA File Converter (free of charge) converts a whole folder of DWG to DXF.</li>
    <li>Boundaries must be closed lines (<kbd>PEDIT</kbd> › Close). Each parcel should have one label with its number inside.</li>
  </ol>
  <h3>.mdb (personal geodatabase, ViLIS)</h3>
  <ol>
    <li>ArcMap, ArcCatalog: right click on the parcel layer › <b>Export</b> › <b>To Shapefile (single)</b>. Put .shp, .dbf, .shx and .prj into one .zip.</li>
    <li>QGIS on Windows: <b>Layer › Add Vector Layer</b>, open the .mdb (needs the Access driver), then <b>Export › Save Features As… › GeoPackage</b>.</li>
    <li>ViLIS: use its own export of the map to Shapefile.</li>
  </ol>
  <h3>DGN V8 (MicroStation V8i, gCadas)</h3>
  <ol>
    <li>MicroStation: <b>File › Save As</b> › <b>MicroStation V7 DGN</b>, or <b>File › Export › DXF</b>.</li>
    <li>gCadas: build the topology first, then export the parcels to Shapefile.</li>
  </ol>
  <h3>Before you send it</h3>
  <ul>
    <li>TCVN3 (.VnTime) and VNI texts need no conversion: they are recognised, and each repair is logged.</li>
    <li>Do not open and save tables of coordinates in Excel: code 06978 becomes 6978, parcel 25-1 becomes a date.</li>
    <li>Leave the coordinate system at “Detect” if you do not know it; naming the commune makes the check surer.</li>
    <li>Columns with names and papers of holders are not stored.</li>
  </ul>
`;
