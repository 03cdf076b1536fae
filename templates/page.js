"use strict";
(() => {
  if (!HTMLElement.prototype.showPopover) return;
  const told = JSON.parse(document.getElementById("told").textContent);
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, attributes = {}, ...inner) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...inner.filter((part) => part !== ""));
    return made;
  };
  const figures = all(".stat[data-key]");
  const known = figures.filter((figure) => told.figures[figure.dataset.key]);
  const facts = (key) => {
    const places = told.figures[key], found = [];
    for (let i = 0; i < places.length; i += 2) found.push([told.words[places[i]], told.words[places[i + 1]]]);
    return found;
  };

  // Where a figure stands: its table or figure, else the section above it.
  const headings = all("h1[id], h2[id], h3[id], section[id] > h1, section[id] > h2, section[id] > h3");
  const placeOf = (element) => {
    const float = element.closest("[id^=tbl-], [id^=fig-]");
    if (float) {
      const caption = float.querySelector("figcaption")?.textContent.trim() ?? float.id;
      return [caption.match(/^\p{L}+\s\d+/u)?.[0] ?? caption, float.id];
    }
    if (element.closest(".abstract, #title-block-header")) return ["Abstract", "abstract-title"];
    const before = headings.filter((h) => h.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING).pop();
    return before ? [before.textContent.trim(), before.id || before.parentElement.id] : ["the beginning", ""];
  };
  const elsewhere = (figure) => {
    const places = new Map(), own = placeOf(figure)[0];
    for (const other of figures) {
      if (other === figure || other.dataset.key !== figure.dataset.key) continue;
      const [words, id] = placeOf(other);
      if (words !== own) places.set(words, id);
    }
    return [...places];
  };

  // The card
  const card = make("div", { id: "card", popover: "manual", role: "dialog", "aria-label": "About this figure", tabindex: "-1" });
  document.body.append(card);
  let shown = null, pinned = false, muted = false, timer = 0;
  const hide = () => {
    clearTimeout(timer);
    if (!shown) return;
    shown.setAttribute("aria-expanded", "false");
    card.hidePopover();
    shown = null;
    pinned = false;
  };
  const show = (figure) => {
    clearTimeout(timer);
    if (shown === figure) return;
    hide();
    const list = make("dl"), entries = facts(figure.dataset.key);
    const what = entries.find(([name]) => name === "what");
    for (const [name, words] of entries) if (name !== "what" && name !== "printed") list.append(make("dt", {}, name), make("dd", {}, words));
    list.append(make("dt", {}, "key"), make("dd", {}, make("code", {}, figure.dataset.key)));
    const others = elsewhere(figure);
    if (others.length) {
      const links = make("dd");
      others.forEach(([words, id], i) => links.append(i ? ", " : "", id ? make("a", { href: `#${id}`, onclick: hide }, words) : words));
      list.append(make("dt", {}, "used also in"), links);
    }
    card.replaceChildren(make("p", { class: "value" }, figure.textContent), make("p", {}, what ? what[1] : ""), list);
    shown = figure;
    figure.setAttribute("aria-expanded", "true");
    card.showPopover();
    place(figure);
  };
  const place = (figure) => {
    card.style.top = card.style.left = "";
    if (getComputedStyle(card).position === "fixed") {
      const covered = figure.getBoundingClientRect().bottom > innerHeight - card.offsetHeight - 8;
      if (covered) window.scrollBy({ top: figure.getBoundingClientRect().bottom - (innerHeight - card.offsetHeight - 24) });
      return;
    }
    const spot = figure.getBoundingClientRect(), gap = 8;
    const below = spot.bottom + gap + card.offsetHeight <= innerHeight || spot.top < card.offsetHeight + gap;
    const left = Math.max(gap, Math.min(spot.left, root.clientWidth - card.offsetWidth - gap));
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(below ? spot.bottom + gap : spot.top - gap - card.offsetHeight) + scrollY}px`;
  };
  const later = (action, delay) => { clearTimeout(timer); timer = setTimeout(action, delay); };
  const pin = (figure) => { show(figure); pinned = true; };
  const figureAt = (event) => event.target.closest?.(".stat[tabindex]");

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse" || pinned) return;
    const figure = figureAt(event);
    if (figure) later(() => show(figure), 180);
    else if (card.contains(event.target)) clearTimeout(timer);
    else if (shown && document.activeElement !== shown) later(hide, 250);
  });
  document.addEventListener("click", (event) => {
    const figure = figureAt(event);
    if (figure) pin(figure);
    else if (shown && !card.contains(event.target)) hide();
  });
  document.addEventListener("focusin", (event) => {
    const figure = figureAt(event);
    if (figure) { if (!muted && figure.matches(":focus-visible")) show(figure); }
    else if (!card.contains(event.target)) hide();
  });

  // The keyboard: figures of the text one by one, a table by its arrows
  for (const figure of figures) if (!told.figures[figure.dataset.key]) figure.classList.add("unknown");
  for (const figure of known) {
    const attributes = { tabindex: figure.closest("table") ? "-1" : "0", role: "button", "aria-expanded": "false", "aria-haspopup": "dialog" };
    for (const [name, value] of Object.entries(attributes)) figure.setAttribute(name, value);
  }
  for (const table of all("table")) table.querySelector(".stat[tabindex]")?.setAttribute("tabindex", "0");
  const moveTo = (figure, from) => {
    from.setAttribute("tabindex", "-1");
    figure.setAttribute("tabindex", "0");
    figure.focus({ focusVisible: true });
    show(figure);
  };
  const steps = {
    ArrowRight: (inside, at) => inside[at + 1],
    ArrowLeft: (inside, at) => inside[at - 1],
    Home: (inside) => inside[0],
    End: (inside) => inside[inside.length - 1],
    ArrowDown: (inside, at) => inside.slice(at + 1).find((other) => below(inside[at], other)),
    ArrowUp: (inside, at) => inside.slice(0, at).reverse().find((other) => below(inside[at], other)),
  };
  const below = (one, other) => {
    const [cell, next] = [one.closest("th, td"), other.closest("th, td")];
    return cell.parentElement !== next.parentElement && cell.cellIndex === next.cellIndex;
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown) {
      const back = shown;
      hide();
      muted = true;
      back.focus();
      muted = false;
      return;
    }
    const figure = figureAt(event);
    if (!figure) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pin(figure);
      (card.querySelector("a") ?? card).focus();
    } else if (figure.closest("table") && steps[event.key]) {
      event.preventDefault();
      const inside = all(".stat[tabindex]", figure.closest("table"));
      const next = steps[event.key](inside, inside.indexOf(figure));
      if (next) moveTo(next, figure);
    }
  });

  // The claims
  const go = (key, name) => () => {
    claims.hidePopover();
    const target = figures.find((figure) => figure.dataset.key === key) ?? all(".claim").find((claim) => claim.dataset.key === name);
    target?.scrollIntoView({ block: "center" });
    target?.focus();
  };
  const claims = make("div", { id: "claims", popover: "auto", role: "dialog", "aria-labelledby": "claims-title", tabindex: "-1" });
  claims.append(make("h2", { id: "claims-title" }, "Claims and what they rest on"));
  for (const claim of told.claims) {
    const sentence = all(".claim").find((other) => other.dataset.key === claim.name)?.textContent ?? claim.states;
    const now = make("ul");
    for (const [key, words] of claim.now) {
      const here = figures.some((figure) => figure.dataset.key === key);
      now.append(make("li", {}, make("code", {}, key), ` is ${words} `, here ? make("button", { type: "button", onclick: go(key) }, "Show") : ""));
    }
    claims.append(
      make("h3", {}, `“${sentence.trim()}”`),
      make("p", { class: claim.holds ? "" : "fails" }, claim.holds ? "The data support it. " : "The data no longer support it. ",
        claim.margin ? `It ${claim.margin}.` : ""),
      make("p", { class: "quiet" }, "It needs ", make("code", {}, claim.needs), "; now"), now,
    );
  }
  claims.append(make("p", {}, make("button", { type: "button", popovertarget: "claims", popovertargetaction: "hide" }, "Close")));

  // The toolbar
  const themes = ["auto", "light", "dark"];
  const remembered = (value) => {
    try { return value === undefined ? localStorage.getItem("theme") : localStorage.setItem("theme", value); } catch { return null; }
  };
  const theme = make("button", { type: "button", onclick: () => setTheme(themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % 3]) });
  const setTheme = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
    remembered(name);
  };
  setTheme(themes.includes(remembered()) ? remembered() : "auto");
  const reveal = make("button", { type: "button", "aria-pressed": "false", onclick: () => {
    reveal.setAttribute("aria-pressed", String(root.classList.toggle("shown")));
  } }, "Show figures");
  const bar = make("div", { class: "toolbar", role: "toolbar", "aria-label": "This page" }, reveal);
  if (told.claims.length) {
    document.body.append(claims);
    bar.append(make("button", { type: "button", popovertarget: "claims" }, `Claims (${told.claims.length})`));
  }
  bar.append(theme);
  (document.querySelector("main") ?? document.body).prepend(bar);

  // Tables and figures as CSV; rows that stand in no group can be sorted
  const save = (name, text) => () => {
    const link = make("a", { href: URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const quoted = (words) => {
    const safe = /^[=+@\t\r]|^-(?!\d)/.test(words) ? `'${words}` : words;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const grid = (table) => {
    const rows = [], taken = {};
    [...table.rows].forEach((row, r) => {
      let c = 0;
      rows[r] ??= [];
      for (const cell of row.cells) {
        while (taken[`${r},${c}`]) c += 1;
        for (let i = 0; i < cell.rowSpan; i += 1) for (let j = 0; j < cell.colSpan; j += 1) taken[`${r + i},${c + j}`] = true;
        rows[r][c] = cell.textContent.replace(/\s+/g, " ").trim();
        c += cell.colSpan;
      }
    });
    const width = Math.max(...rows.map((row) => row.length));
    return rows.map((row) => Array.from({ length: width }, (_, i) => quoted(row[i] ?? "")).join(",")).join("\r\n");
  };
  const worth = (row, column) => {
    const words = row.cells[column]?.textContent.trim() ?? "";
    const number = words.replace(/[\s\u2009,]/g, "").replace("·", ".").replace("−", "-").match(/^[<>]?(-?[\d.]+)/);
    return [number ? parseFloat(number[1]) : NaN, words];
  };
  const sortable = (table) => {
    const body = table.tBodies[0], heads = table.tHead?.rows[table.tHead.rows.length - 1];
    if (!body || !heads || table.tHead.rows.length > 1 || body.rows.length < 3 || table.querySelector("tbody [rowspan], tbody [colspan], .section, .level")) return;
    const original = [...body.rows];
    [...heads.cells].forEach((head, column) => {
      const sign = make("button", { type: "button", class: "sort", "aria-label": `Sort by ${head.textContent.trim()}`, onclick: () => {
        const next = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] ?? "ascending";
        for (const other of heads.cells) { other.setAttribute("aria-sort", "none"); other.querySelector(".sort").textContent = "↕"; }
        head.setAttribute("aria-sort", next);
        sign.textContent = { ascending: "↑", descending: "↓", none: "↕" }[next];
        const turned = next === "descending" ? -1 : 1;
        const compared = (a, b) => {
          const [[x, words], [y, others]] = [worth(a, column), worth(b, column)];
          if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
          return turned * (isNaN(x) ? words.localeCompare(others) : x - y || words.localeCompare(others));
        };
        body.append(...(next === "none" ? original : [...original].sort(compared)));
      } }, "↕");
      head.setAttribute("aria-sort", "none");
      head.append(sign);
    });
  };
  for (const float of all("div[id^=tbl-], figure[id^=tbl-]")) {
    const table = float.querySelector("table");
    if (!table) continue;
    const text = grid(table);
    sortable(table);
    (float.querySelector("figure") ?? float).append(make("button", { type: "button", class: "plain", onclick: save(`${float.id.slice(4)}.csv`, text) },
      "Table as CSV", make("span", { class: "off-screen" }, `, ${placeOf(table)[0]}`)));
  }
  for (const box of all(".quarto-float-fig > div")) {
    if (box.scrollWidth <= box.clientWidth) continue;
    for (const [name, value] of Object.entries({ tabindex: "0", role: "region", "aria-label": placeOf(box)[0] })) box.setAttribute(name, value);
  }
  for (const [name, text] of Object.entries(told.rows)) {
    const float = document.getElementById(`fig-${name}`);
    (float?.querySelector("figure") ?? float)?.append(make("button", { type: "button", class: "plain", onclick: save(`${name}.csv`, text) },
      "Data as CSV", make("span", { class: "off-screen" }, `, ${placeOf(float.querySelector("img") ?? float)[0]}`)));
  }
})();
