-- Give a report what an article has not, for both engines: signs of a status that need no colour, a page title that
-- says whose report it is, tables that scroll by keyboard, and the cover of a Word file.

local SIGNS = {
  ["much-worse"] = "▼▼", worse = "▼", missed = "▼", expected = "●", met = "●", better = "▲", ["much-better"] = "▲▲",
  few = "○", none = "–",
}
local GRAVE = { ["much-worse"] = true, worse = true, missed = true }
local QUIET = { aim = true, veiled = true }

local front = nil -- the front matter of a report

local function code_of(span)
  for _, class in ipairs(span.classes) do
    if span.classes:includes("status") and class ~= "status" then
      return class
    end
  end
end

local function between(start, inlines, finish)
  return pandoc.Inlines({ pandoc.RawInline("typst", start) }) .. inlines .. { pandoc.RawInline("typst", finish) }
end

-- A formula is read aloud as it is written in TeX.
local math_in = {
  typst = function(math)
    local words = math.text:gsub("\\", "\\\\"):gsub('"', '\\"')
    return between('#[#set math.equation(alt: "' .. words .. '");', pandoc.Inlines({ math }), "]")
  end,
}

-- A table that stands in the text is marked for the look, which builds it anew; one in a float is found there too.
local table_in = {
  typst = function(tbl)
    return { pandoc.RawBlock("typst", "#block["), tbl, pandoc.RawBlock("typst", "]<standing-table>") }
  end,
}

local span_in = {
  typst = function(span)
    local code = code_of(span)
    if code then
      return between('#status("' .. code:gsub("[^%w-]", "") .. '", [', span.content, "])")
    elseif span.classes:find_if(function(class) return QUIET[class] end) then
      return between("#quiet[", span.content, "]")
    end
  end,
  docx = function(span)
    local code = code_of(span)
    local words = code and SIGNS[code] and { pandoc.Str(SIGNS[code] .. "\u{a0}") } .. span.content
    return words and (GRAVE[code] and pandoc.Strong(words) or words)
  end,
}

local function page_title(meta)
  local words = pandoc.List({})
  for _, part in ipairs({ "site", "subtitle", "title" }) do
    words:insert(pandoc.utils.stringify(meta[part] or ""))
  end
  return table.concat(words:filter(function(part) return part ~= "" end), " · ")
end

local function blocks_of(value)
  return pandoc.utils.type(value) == "Blocks" and value or pandoc.Blocks({ pandoc.Plain(pandoc.Inlines(value)) })
end

local function styled(style, value)
  local inlines = pandoc.utils.blocks_to_inlines(blocks_of(value))
  return pandoc.Div({ pandoc.Para(inlines) }, pandoc.Attr("", {}, { ["custom-style"] = style }))
end

local function facts(cover)
  local rows = pandoc.List(cover):map(function(fact)
    return { blocks_of(fact.label), blocks_of(fact.value) }
  end)
  local columns = { pandoc.AlignLeft, pandoc.AlignLeft }
  return pandoc.utils.from_simple_table(pandoc.SimpleTable({}, columns, { 0, 0 }, {}, rows))
end

local function word_cover(meta)
  local cover = pandoc.Blocks({})
  if pandoc.utils.stringify(meta.site or "") ~= "" then
    cover:insert(styled("Title", meta.site))
  end
  if meta.notice then
    cover:insert(styled("Body Text", meta.notice))
  end
  if meta.cover then
    cover:insert(facts(meta.cover))
    cover:insert(styled("Table Note", "\u{a0}")) -- keeps the text off the table
  end
  return cover
end

local document_in = {
  html = function(doc)
    doc.meta.pagetitle = page_title(doc.meta)
    if quarto then
      quarto.doc.add_html_dependency({ name = "report", stylesheets = { "report.css" } })
    end
    return doc
  end,
  docx = function(doc)
    doc.blocks = word_cover(doc.meta) .. doc.blocks
    return doc
  end,
}

-- The appendices are marked for the look, which gives them the width of the page.
local function appendices(div)
  if FORMAT == "typst" and div.classes:includes("appendices") then
    return pandoc.Blocks({ pandoc.RawBlock("typst", "#block[") }) .. div.content .. { pandoc.RawBlock("typst", "]<appendices>") }
  end
end

-- The box round a table, which its caption describes, can be reached and scrolled with the keyboard.
local function scrolls(div)
  local caption = div.attributes["aria-describedby"]
  if front and FORMAT == "html" and caption and caption:match("^tbl%-") then
    div.attributes["aria-describedby"] = nil
    div.attributes["aria-labelledby"], div.attributes.role, div.attributes.tabindex = caption, "region", "0"
    return div
  end
end

return {
  { Meta = function(meta)
    front = meta.layout and pandoc.utils.stringify(meta.layout) == "report" and meta or nil
  end },
  { Span = span_in[FORMAT], Math = math_in[FORMAT], Table = table_in[FORMAT], Div = scrolls },
  { Div = appendices },
  { Pandoc = function(doc)
    return front and document_in[FORMAT] and document_in[FORMAT](doc) or nil
  end },
}
