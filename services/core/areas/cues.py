"""Words around a name that say whether it is a place, and of which edition."""

from __future__ import annotations

import re

from services.core.areas.names import word_key


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(word_key, words.split()))


def _names(names: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(map(word_key, name.split())) for name in names.split(","))


OFFICES = {
    ("tỉnh", "uỷ"): "tỉnh",
    ("tỉnh", "đoàn"): "tỉnh",
    ("thành", "uỷ"): "thành phố",
    ("thành", "đoàn"): "thành phố",
    ("thị", "uỷ"): "thị xã",
    ("thị", "đoàn"): "thị xã",
    ("huyện", "uỷ"): "huyện",
    ("huyện", "đoàn"): "huyện",
    ("huyện", "đội"): "huyện",
    ("quận", "uỷ"): "quận",
    ("quận", "đoàn"): "quận",
    ("xã", "đội"): "xã",
}
"""Offices whose name says the kind of the unit that follows. Example: "Huyện ủy Nam Trà My"."""

MODIFIERS = _names("miền núi,vùng cao,biên giới,ven biển,trung du,hải đảo,vùng biên,đảo,nghèo,mới,cũ")
"""Words that may stand between the kind and the name. Example: "huyện miền núi Nam Trà My"."""

NOT_PLACES = _keys(
    # settlements and streets below the commune, waters, mountains, buildings
    "thôn làng nóc bản buôn bon plei sóc ấp khóm tổ xóm đường phố ngõ ngách hẻm sông suối khe hồ đập núi đỉnh đèo dốc "
    "cầu cống chợ bến cảng ga đồi hang động thác rừng vịnh biển đảo mũi đình chùa đền miếu lăng tháp "
    # schools, hospitals, firms, media
    "trường thpt thcs pt ptdtbt ptdtnt học non giáo viện bv ty doanh sạn hàng quán báo đài clb điện xưởng tàng "
    # goods that carry the name of a place
    "sâm quế tiêu gạo mắm bò rượu chè mì kẹo bưởi cam lúa giống hiệu lụa măng "
    # persons
    "ông bà anh chị em cô chú bác thầy cháu họ sĩ sỹ trai gái"
)
"""Words before a name without a kind that make it the name of something else: "sâm Ngọc Linh", "THCS Trà Mai"."""

NOT_SMALL_PLACES = _keys(
    "tư xoay binh nghiệp tế thắng sử quý nhánh cung tt tượng kcn kkt ktx bán sân trạm trang hát kem đấu thao án tuyến"
)
"""The same for units below the province: "ngã tư Tràng Tiền", "khu công nghiệp Lam Sơn", "Sở Y tế Đà Nẵng" is one."""

PHRASES = ("Thái Bình Dương", "Đại Tây Dương", "Chủ tịch Hồ Chí Minh", "TNCS Hồ Chí Minh", "tư tưởng Hồ Chí Minh")
"""Phrases that hold the name of a unit and name no place."""

LOCATIVE = _keys("ở tại trên dưới lên xuống vào ra về đến tới từ qua thuộc giữa sang dân vùng khỏi tới")
"""Words before a bare name that make it a place. Example: "mặt đường lên Trà Vân"."""

SURNAMES = _keys(
    "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh trương đoàn mai lâm cao tạ châu thái "
    "hà lưu lương đàm mạc tô tôn triệu vương tăng trịnh đào quách kiều phùng nông chu doãn ông"
)
"""Family names: one of them after a place begins a person's name; a commune that begins with one is a person's."""

COMMON_NAMES = _names(
    "bình minh,tân tiến,hoà bình,thống nhất,độc lập,tự do,đoàn kết,quyết thắng,quyết tiến,tiến bộ,đồng tâm,hạnh phúc,"
    "thắng lợi,cộng hoà,dân chủ,tiền phong,thành công,thành tâm,hợp tác,hợp thành,hợp nhất,kiên cường,anh dũng,"
    "quang trung,hùng vương,hưng đạo,minh khai,quang vinh,vinh quang,hoà hợp,an toàn,an bình,an khang,tiến thắng,"
    "tiến thành,chiến thắng,tân dân,nhân dân,đồng tiến,đại đồng,liên minh,công chính,công bình,hiệp lực,"
    "kim liên,bạch đằng,chương dương,lam sơn,lao động,thanh niên,tương lai,đổi mới,tự cường,tự lập,cách mạng,"
    "nghĩa dân,quốc tế,trung tâm,trung thành,trung chính,đông nam,tây nam,đông bắc,tây bắc,trung hoà,hồng kỳ,"
    "việt nam,việt hùng,thanh bình,yên bình,phú quý,thịnh vượng,an lành,hy vọng,đông đô,đại việt,tân cương,trung đông,quảng đông,phúc kiến,hải nam,sơn đông,tây tạng,nam kinh,đông âu,bắc kinh,"
    "đông kinh,nam dương,nam phi,đông á,nam á"
)
"""Names that are common words, of persons or of foreign countries as well: never places without a reason of their own."""

OLD_AFTER = re.compile(
    r"\s*(?:\(\s*)?(?:\b(?:cũ|trước đây|trước kia|ngày trước|(?:hồi )?trước (?:khi )?(?:sáp nhập|nhập|sắp xếp|hợp nhất))\b)",
    re.IGNORECASE,
)
"""After a name: the unit as it was. Examples: "xã Trà Don cũ", "Trà Leng (cũ)", "xã Trà Nam trước đây"."""

NEW_AFTER = re.compile(r"\s*(?:\(\s*)?mới\b", re.IGNORECASE)
"""After a name: the unit as it became. Example: "xã Trà Linh mới"."""

COORDINATION = re.compile(r"\s*(?:,|;|/|và|hoặc|hay|với|cùng|-|–)\s*(?:(?:các|hai|ba|bốn|năm)\s+)?", re.IGNORECASE)
"""Between the members of a list: "các xã Trà Mai, Trà Don và Trà Vân"."""

AND = re.compile(r"\s*(?:và|với|cùng)\s+", re.IGNORECASE)
"""Between two names that share what follows: "xã Trà Linh và xã Trà Nam trước đây"."""

CHAIN = re.compile(r"\s*[,(–-]?\s*(?:thuộc\s+)?")
"""Between a unit and the unit above it: "xã Trà Dơn, huyện Nam Trà My (Quảng Nam)"."""

CLAUSE_END = re.compile(r"[;.!?]\s|\n")
MERGE = re.compile(r"\b(?:nhập|hợp nhất|sắp xếp|chia tách|mới (?:bao )?gồm)\b", re.IGNORECASE)
BECOMES = re.compile(
    r"\b(?:lấy tên|có tên|mang tên|tên gọi|đổi tên|thành lập|thành (?:một )?(?:xã|phường|đặc khu|tỉnh|thành phố))\b",
    re.IGNORECASE,
)
MERGED_FROM = re.compile(r"\b(?:từ|trên cơ sở|gồm)\b", re.IGNORECASE)
"""A clause about a merger names the old units before BECOMES and the new one after it, or the new one before
MERGED_FROM and the old ones after it."""
