/** The help in Vietnamese. */
import { html, type TemplateResult } from "lit-html";

export const generalVi = (): TemplateResult => html`
  <h2>Dùng Ngọc Linh thế nào</h2>
  <h3>Cán bộ địa chính: kiểm tra một tệp thửa đất</h3>
  <ol>
    <li>Mở <a href="#/land">Đất đai</a>, thả tệp vào khung “Thả tệp vào đây” (Shapefile nén .zip, GeoPackage, GeoJSON, GML, DXF, DGN V7, bảng toạ độ Excel/CSV).</li>
    <li>Không cần biết hệ toạ độ: hệ thống đọc từ tệp hoặc tự nhận. Nếu sai kinh tuyến trục, màn hình nói rõ sai thế nào và nút sửa.</li>
    <li>Bấm vào từng lỗi để xem trên bản đồ. Toạ độ VN-2000 ghi trước: X là hướng Bắc, Y là hướng Đông.</li>
    <li>Tải GeoPackage để mở bằng QGIS, Excel để gửi đơn vị đo đạc, HTML để in khổ A4.</li>
  </ol>
  <h3>Cán bộ theo dõi báo chí</h3>
  <ol>
    <li>Mở <a href="#/news">Tin bài</a>, bấm một lối tắt, ví dụ “Hôm qua: phê phán về đất đai”.</li>
    <li>Tìm có dấu là tìm đúng dấu, tìm không dấu là tìm mọi dấu: “dat dai” thấy “đất đai”.</li>
    <li>Nhãn do máy gợi ý; câu quyết định được tô trong bài. Nhãn sai thì bấm nhãn đúng: lời của người được giữ và đứng trước lời của máy.</li>
    <li>Mở <a href="#/brief">Điểm báo</a> để tải bản Word của ngày hôm trước hoặc chép gửi Zalo.</li>
  </ol>
  <h3>Lãnh đạo</h3>
  <ol>
    <li><a href="#/">Tình hình</a> cho số liệu từng xã, mỗi số đều kèm tuổi của dữ liệu. Bấm một xã trên bản đồ để chỉ xem xã đó.</li>
    <li>“Trình chiếu” là màn hình tối cho tường lớn, tự chuyển từng xã; bấm Esc để thoát.</li>
  </ol>
  <h3>Bàn phím</h3>
  <p>Tab đi qua các phần; mũi tên lên, xuống, Home, End đi trong danh sách; Enter mở; “Bỏ qua, tới nội dung” là liên kết đầu trang.</p>
`;

export const dwgVi = (): TemplateResult => html`
  <h2>Xuất DWG, .mdb và DGN V8 sang định dạng đọc được</h2>
  <p>Ba định dạng này chỉ phần mềm của hãng mới đọc đủ. Xuất sang DXF, Shapefile hoặc GeoPackage theo một trong các cách dưới đây, rồi thả tệp vào trang <a href="#/land">Đất đai</a>.</p>
  <h3>DWG (AutoCAD)</h3>
  <ol>
    <li>AutoCAD: <b>Save As</b> › chọn <b>AutoCAD 2018 DXF (*.dxf)</b>; hoặc gõ lệnh <kbd>DXFOUT</kbd>.</li>
    <li>AutoCAD Map 3D, Civil 3D: lệnh <kbd>MAPEXPORT</kbd> › <b>ESRI Shapefile</b>, đối tượng <b>Polygon</b>, chọn lớp ranh thửa; ở thẻ Data chọn số tờ, số thửa, loại đất.</li>
    <li>Không có AutoCAD: ODA File Converter (miễn phí) chuyển cả thư mục DWG sang DXF.</li>
    <li>Ranh thửa phải là đường khép kín (<kbd>PEDIT</kbd> › Close). Mỗi thửa nên có một nhãn số thửa nằm bên trong.</li>
  </ol>
  <h3>.mdb (Personal Geodatabase, ViLIS)</h3>
  <ol>
    <li>ArcMap, ArcCatalog: bấm chuột phải vào lớp thửa › <b>Export</b> › <b>To Shapefile (single)</b>. Nén cả bộ .shp, .dbf, .shx, .prj thành một tệp .zip.</li>
    <li>QGIS trên Windows: <b>Layer › Add Vector Layer</b>, mở tệp .mdb (cần trình điều khiển Access), rồi <b>Export › Save Features As… › GeoPackage</b>.</li>
    <li>ViLIS: dùng chức năng xuất bản đồ ra Shapefile của phần mềm.</li>
  </ol>
  <h3>DGN V8 (MicroStation V8i, gCadas)</h3>
  <ol>
    <li>MicroStation: <b>File › Save As</b> › chọn <b>MicroStation V7 DGN</b>; hoặc <b>File › Export › DXF</b>.</li>
    <li>gCadas: tạo vùng (topology) trước, rồi xuất vùng thửa ra Shapefile.</li>
  </ol>
  <h3>Trước khi gửi</h3>
  <ul>
    <li>Chữ TCVN3 (.VnTime) và VNI không phải đổi trước: hệ thống tự nhận và ghi lại từng chỗ đã đổi.</li>
    <li>Đừng mở rồi lưu bảng toạ độ bằng Excel: mã 06978 thành 6978, thửa 25-1 thành ngày tháng.</li>
    <li>Không rõ kinh tuyến trục thì để “Tự nhận”; nên chọn xã để kiểm tra chắc hơn.</li>
    <li>Cột họ tên, số giấy tờ của chủ sử dụng không được lưu.</li>
  </ul>
`;
