-- Give woven Markdown the meaning that Quarto gives it, for plain pandoc.
-- To "json": raw HTML tables become tables, floats get numbers, cross-references get their words.
-- To typst, html and docx: floats, callouts and page breaks become what the format has for them.

local LABELS = { tbl = "Table", fig = "Figure", sec = "Section" }
local CALLOUTS = { note = "Note", tip = "Tip", warning = "Warning", caution = "Caution", important = "Important" }
local NBSP = "\u{a0}"

local function kind_of(identifier)
  local kind = identifier:match("^(%a+)%-")
  return LABELS[kind] and kind
end

local function raw(text)
  return pandoc.RawBlock(FORMAT, text)
end

-- Reading

local numbers, counts, section = {}, { tbl = 0, fig = 0 }, {}

local function tables(block)
  if block.format == "html" and block.text:lower():find("<table[%s>]") then
    return pandoc.read(block.text, "html").blocks
  elseif block.format == "html" and block.text:match("^%s*<!%-%-.*%-%->%s*$") then
    return {}
  end
end

local function float(identifier, content, caption)
  local kind = kind_of(identifier)
  counts[kind] = counts[kind] + 1
  numbers[identifier] = tostring(counts[kind])
  local blocks = pandoc.Blocks({ pandoc.Div(content), pandoc.Plain(caption) })
  return pandoc.Div(blocks, pandoc.Attr(identifier, { "float" }, { number = numbers[identifier] }))
end

local function float_of_div(div)
  local content, last = div.content, div.content[#div.content]
  if #content > 1 and (last.t == "Para" or last.t == "Plain") then
    content:remove()
    return float(div.identifier, content, last.content)
  elseif #content == 1 and last.t == "Figure" then
    return float(div.identifier, last.content, pandoc.utils.blocks_to_inlines(last.caption.long))
  end
  return float(div.identifier, content, {})
end

local function lone_image(para)
  local image = #para.content == 1 and para.content[1]
  return image and image.t == "Image" and kind_of(image.identifier) == "fig" and image
end

local function float_of_table(tbl)
  local identifier, caption = tbl.identifier, pandoc.utils.blocks_to_inlines(tbl.caption.long)
  tbl.identifier, tbl.caption = "", pandoc.Caption({})
  return float(identifier, { tbl }, caption)
end

-- "::: {layout-ncol=2}": rows of cells with one block in each, under the names that Quarto gives them.
local function panel(div)
  local columns = math.tointeger(tonumber(div.attributes["layout-ncol"]))
  if not columns or columns < 1 then
    return nil
  end
  local rows = pandoc.Blocks({})
  for index, block in ipairs(div.content) do
    if index % columns == 1 or columns == 1 then
      rows:insert(pandoc.Div({}, pandoc.Attr("", { "quarto-layout-row" })))
    end
    rows[#rows].content:insert(pandoc.Div({ block }, pandoc.Attr("", { "quarto-layout-cell" })))
  end
  div.classes:insert("quarto-layout-panel")
  div.content = rows
  return div
end

local floats = {
  traverse = "topdown",
  Div = function(div)
    local kind = kind_of(div.identifier)
    if kind == "tbl" or kind == "fig" then
      return float_of_div(div), false
    elseif div.attributes["layout-ncol"] then
      return panel(div)
    end
  end,
  Figure = function(figure)
    if kind_of(figure.identifier) == "fig" then
      local caption = pandoc.utils.blocks_to_inlines(figure.caption.long)
      return float(figure.identifier, figure.content, caption), false
    end
  end,
  Table = function(tbl)
    if kind_of(tbl.identifier) == "tbl" then
      return float_of_table(tbl), false
    end
  end,
  Para = function(para)
    local image = lone_image(para)
    if image then
      local identifier = image.identifier
      image.identifier = ""
      return float(identifier, { para }, {}), false
    end
  end,
  Header = function(header)
    if header.classes:includes("unnumbered") then
      return nil
    end
    for level = header.level + 1, 6 do
      section[level] = nil
    end
    for level = 1, header.level do
      section[level] = section[level] or 0
    end
    section[header.level] = section[header.level] + 1
    numbers[header.identifier] = table.concat(section, ".")
  end,
}

-- "[@tbl-a; @fig-b]" and "@tbl-a": words and number, as a link; no brackets, as in Quarto.
local function references(cite)
  local words = pandoc.Inlines({})
  for _, citation in ipairs(cite.citations) do
    local kind, number = kind_of(citation.id), numbers[citation.id]
    if not (kind and number) then
      return nil
    end
    if #words > 0 then
      words:extend({ pandoc.Str(","), pandoc.Space() })
    end
    local label = pandoc.Inlines(LABELS[kind])
    if #citation.prefix > 0 then
      label = citation.prefix
    elseif citation.mode == "SuppressAuthor" then
      label = pandoc.Inlines({})
    end
    local shown = #label > 0 and label .. { pandoc.Str(NBSP .. number) } or pandoc.Inlines({ pandoc.Str(number) })
    local attributes = { label = pandoc.utils.stringify(label) }
    words:insert(pandoc.Link(shown, "#" .. citation.id, "", pandoc.Attr("", { "quarto-xref" }, attributes)))
  end
  return words
end

local function alternative(image)
  local alt = image.attributes["fig-alt"] or image.attributes["alt"]
  if alt then
    image.caption = { pandoc.Str(alt) }
    image.attributes["fig-alt"], image.attributes["alt"] = nil, nil
  end
  return image
end

-- Writing

local is_report = false

local function label_of(div)
  return LABELS[kind_of(div.identifier)] .. NBSP .. div.attributes.number
end

local function headed(div, words)
  local caption = pandoc.Inlines({ pandoc.Strong({ pandoc.Str(words .. ".") }) })
  if #div.content[2].content > 0 then
    caption:insert(pandoc.Space())
    caption:extend(div.content[2].content)
  end
  return caption
end

-- Captions stand above tables and below figures.
local function in_order(div, caption, content)
  if kind_of(div.identifier) == "tbl" then
    return caption .. content
  end
  return content .. caption
end

local function typst_string(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"') .. '"'
end

local function typst_length(length)
  local pixels = tonumber((length:gsub("px$", "")))
  return pixels and ("%.4fin"):format(pixels / 96) or length
end

local float_in = {
  typst = function(div)
    local kind = kind_of(div.identifier)
    local position = kind == "tbl" and "top" or "bottom"
    local blocks = pandoc.Blocks({ pandoc.RawInline("typst", "#figure([") })
    blocks:extend(div.content[1].content)
    blocks:insert(pandoc.RawInline("typst", "], caption: figure.caption(position: " .. position .. ", ["))
    blocks:insert(div.content[2])
    local tail = ']), kind: "quarto-float-%s", supplement: "%s")<%s>\n\n'
    blocks:insert(pandoc.RawInline("typst", tail:format(kind, LABELS[kind], div.identifier)))
    return blocks:map(function(block)
      return block.t == "RawInline" and raw(block.text) or block
    end)
  end,
  html = function(div)
    local open = raw('<figure class="quarto-float quarto-float-' .. kind_of(div.identifier) .. '">')
    local words = pandoc.Plain(headed(div, label_of(div)))
    local caption = pandoc.Blocks({ raw("<figcaption>"), words, raw("</figcaption>") })
    if is_report then
      local identifier = div.identifier .. "-caption"
      caption[1] = raw('<figcaption id="' .. identifier .. '">')
      div.content[1].attributes["aria-describedby"] = identifier
    end
    local inside = in_order(div, caption, pandoc.Blocks({ div.content[1] }))
    local blocks = pandoc.Blocks({ open }) .. inside .. { raw("</figure>") }
    return pandoc.Div(blocks, pandoc.Attr(div.identifier, { "quarto-float" }))
  end,
  docx = function(div)
    local is_table = kind_of(div.identifier) == "tbl"
    local style = { ["custom-style"] = is_table and "Table Caption" or "Image Caption" }
    local caption = pandoc.Div({ pandoc.Para(headed(div, label_of(div))) }, pandoc.Attr("", {}, style))
    if not is_table then
      div.content[1].attributes["custom-style"] = "Captioned Figure"
    end
    local inside = in_order(div, pandoc.Blocks({ caption }), pandoc.Blocks({ div.content[1] }))
    return pandoc.Div(inside, pandoc.Attr(div.identifier))
  end,
}

local function callout_kind(div)
  for _, class in ipairs(div.classes) do
    local kind = class:match("^callout%-(%a+)$")
    if CALLOUTS[kind] then
      return kind
    end
  end
end

local function callout_title(div, kind)
  local title, first = div.attributes.title, div.content[1]
  if title then
    return pandoc.Inlines(title)
  elseif first and first.t == "Header" then
    div.content:remove(1)
    return first.content
  end
  return pandoc.Inlines(CALLOUTS[kind])
end

local callout_in = {
  typst = function(title, content)
    local blocks = pandoc.Blocks({ raw("#callout(title: ["), pandoc.Plain(title), raw("], body: [") })
    blocks:extend(content)
    blocks:insert(raw("])"))
    return blocks
  end,
  html = function(title, content, kind)
    local heading = pandoc.Div({ pandoc.Plain(title) }, pandoc.Attr("", { "callout-title" }))
    return pandoc.Div(pandoc.Blocks({ heading }) .. content, pandoc.Attr("", { "callout", "callout-" .. kind }))
  end,
  docx = function(title, content)
    local heading = pandoc.Div({ pandoc.Para(title) }, pandoc.Attr("", {}, { ["custom-style"] = "Callout Title" }))
    return { heading, pandoc.Div(content, pandoc.Attr("", {}, { ["custom-style"] = "Callout" })) }
  end,
}

-- Figures side by side; in Word one below the other, since a row of a table there may break between picture and caption.
local panel_in = {
  typst = function(div, columns)
    local blocks = pandoc.Blocks({})
    for _, row in ipairs(div.content) do
      local widths = (("%.2f%%, "):format(100 / columns)):rep(columns)
      blocks:insert(raw("#grid(columns: (" .. widths .. "), gutter: 1em,"))
      for _, cell in ipairs(row.content) do
        blocks:insert(raw("["))
        blocks:extend(cell.content)
        blocks:insert(raw("],"))
      end
      blocks:insert(raw(")"))
    end
    return blocks
  end,
  docx = function(div)
    local blocks = pandoc.Blocks({})
    for _, row in ipairs(div.content) do
      for _, cell in ipairs(row.content) do
        blocks:extend(cell.content)
      end
    end
    return blocks
  end,
}

local PAGE_BREAK = {
  typst = "#pagebreak(weak: true)",
  html = '<div class="pagebreak"></div>',
  docx = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>',
}

local function write_div(div)
  local kind = callout_kind(div)
  if div.classes:includes("float") then
    return float_in[FORMAT](div)
  elseif div.classes:includes("quarto-layout-panel") and panel_in[FORMAT] then
    return panel_in[FORMAT](div, tonumber(div.attributes["layout-ncol"]))
  elseif kind then
    return callout_in[FORMAT](callout_title(div, kind), div.content, kind)
  elseif div.classes:includes("pagebreak") then
    return pandoc.RawBlock(FORMAT == "docx" and "openxml" or FORMAT, PAGE_BREAK[FORMAT])
  elseif div.classes:includes("panel-tabset") then
    return div.content
  end
end

-- Notes under a table: in HTML and Word they follow it, where they keep the width of the page.
local function notes_after(tbl, attributes)
  local notes = pandoc.Blocks({})
  for _, row in ipairs(tbl.foot.rows) do
    for _, cell in ipairs(row.cells) do
      notes:extend(cell.contents:map(function(block)
        return block.t == "Plain" and pandoc.Para(block.content) or block
      end))
    end
  end
  tbl.foot.rows = {}
  return { tbl, pandoc.Div(notes, attributes) }
end

local element_in = {
  typst = {
    Link = function(link)
      if link.classes:includes("quarto-xref") then
        local target, label = link.target:sub(2), pandoc.write(pandoc.Pandoc({ pandoc.Plain(link.attributes.label) }), "typst")
        return pandoc.RawInline("typst", ("#ref(<%s>, supplement: [%s])"):format(target, label:gsub("\n", "")))
      end
    end,
    Image = function(image)
      local options = { typst_string(image.src), "alt: " .. typst_string(pandoc.utils.stringify(image.caption)) }
      for _, side in ipairs({ "width", "height" }) do
        if image.attributes[side] then
          table.insert(options, side .. ": " .. typst_length(image.attributes[side]))
        end
      end
      return pandoc.RawInline("typst", "#box(image(" .. table.concat(options, ", ") .. "))")
    end,
    Table = function(tbl)
      tbl.classes:insert("typst:no-figure")
      return tbl
    end,
  },
  html = {
    Link = function(link)
      link.attributes.label = nil
      return link
    end,
    Table = function(tbl)
      return notes_after(tbl, { class = "table-notes" })
    end,
  },
  docx = {
    Span = function(span)
      if span.classes:includes("stat") then
        span.attributes["custom-style"] = "Stat"
        return span
      end
    end,
    Table = function(tbl)
      local made = notes_after(tbl, { ["custom-style"] = "Table Note" })
      if #made[2].content == 0 then
        made[2].content = { pandoc.Para({ pandoc.Str(NBSP) }) } -- keeps the next paragraph off the table
      end
      return made
    end,
  },
}

-- Several filters and not one over the whole document: pandoc hands each only what it asks for.
if FORMAT == "json" then
  return { { RawBlock = tables }, floats, { Cite = references, Image = alternative } }
end
local report = dofile(pandoc.path.join({ pandoc.path.directory(PANDOC_SCRIPT_FILE), "report.lua" }))
local function layout_of(meta)
  is_report = meta.layout and pandoc.utils.stringify(meta.layout) == "report"
end

return { { Meta = layout_of }, element_in[FORMAT], { Div = write_div }, table.unpack(report) }
