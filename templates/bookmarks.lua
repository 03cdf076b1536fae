-- Put each keyed figure of a Word file between a hidden bookmark's start and end, for both engines.
-- The name is "_t_", the first 12 digits of the SHA-1 of the key (as in tieout.keyed.bookmark), and a running number.

local FIRST_ID = 1000000 -- pandoc counts its own bookmarks from 1

local count = 0

local function bookmarked(span)
  local key = span.attributes.key or span.attributes["data-key"]
  if not (key and span.classes:includes("stat")) then
    return nil
  end
  count = count + 1
  local id, name = FIRST_ID + count, ("_t_%s_%d"):format(pandoc.utils.sha1(key):sub(1, 12), count)
  return {
    pandoc.RawInline("openxml", ('<w:bookmarkStart w:id="%d" w:name="%s"/>'):format(id, name)),
    span,
    pandoc.RawInline("openxml", ('<w:bookmarkEnd w:id="%d"/>'):format(id)),
  }
end

return FORMAT == "docx" and { { Span = bookmarked } } or {}
