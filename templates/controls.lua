-- Put each keyed figure of a Word file into a content control of its own, for both engines: Word keeps its tag when the
-- figure is edited, copied or moved. The tag is "tieout:" and the key, or where that has more than the 64 characters that Word
-- allows, "tieout:#" and the first 12 digits of the key's SHA-1 (as in tieout.keyed.tag).

local FIRST_ID = 1000000 -- apart from the numbers that pandoc gives
local LONGEST = 64

local count = 0

local function attribute(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function controlled(span)
  local key = span.attributes.key or span.attributes["data-key"]
  if not (key and span.classes:includes("stat")) then
    return nil
  end
  count = count + 1
  local tag = "tieout:" .. key
  if utf8.len(tag) > LONGEST then
    tag = "tieout:#" .. pandoc.utils.sha1(key):sub(1, 12)
  end
  local start = ('<w:sdt><w:sdtPr><w:alias w:val="%s"/><w:tag w:val="%s"/><w:id w:val="%d"/>'
    .. '<w15:appearance xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml" w15:val="hidden"/>'
    .. "</w:sdtPr><w:sdtContent>"):format(attribute(key), attribute(tag), FIRST_ID + count)
  return {
    pandoc.RawInline("openxml", start),
    span,
    pandoc.RawInline("openxml", "</w:sdtContent></w:sdt>"),
  }
end

return FORMAT == "docx" and { { Span = controlled } } or {}
