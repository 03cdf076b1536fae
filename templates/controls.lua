-- Put each keyed figure of a Word file into a content control whose tag is the figure's key, for both engines.
-- tieout.render.word_fields gives the control what else Word wants of it.

local OPEN = '<w:sdt><w:sdtPr><w:tag w:val="%s"/></w:sdtPr><w:sdtContent>'
local CLOSE = "</w:sdtContent></w:sdt>"
local SAFE = { ["&"] = "&amp;", ["<"] = "&lt;", ['"'] = "&quot;" }

local function controlled(span)
  local key = span.attributes.key or span.attributes["data-key"]
  if not (key and span.classes:includes("stat")) then
    return nil
  end
  local open = OPEN:format((key:gsub('[&<"]', SAFE)))
  return { pandoc.RawInline("openxml", open), span, pandoc.RawInline("openxml", CLOSE) }
end

return FORMAT == "docx" and { { Span = controlled } } or {}
