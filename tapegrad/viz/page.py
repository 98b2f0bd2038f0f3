"""A Picture as a web page that needs nothing but itself: pan, zoom, search, and a box's details on click."""

from html import escape

from tapegrad.viz.picture import KINDS, Picture
from tapegrad.viz.svg import COLOURS, to_svg
from tapegrad.viz.words import clean

__all__ = ["to_html"]


def to_html(picture: Picture) -> str:
    """The picture as one HTML page, with its drawing, style and script inside; nothing is loaded.

    Raises: ValueError as `Picture.order` does.
    Source: none.
    """
    kinds = [kind for kind in KINDS if any(box.kind == kind for box in picture.boxes)]
    legend = "".join(
        f'<span><i style="background:{ground};border-color:{outline}"></i>{kind}</span>'
        for kind in kinds
        for ground, outline in [COLOURS[kind]]
    )
    parts = {
        "TITLE": escape(clean(picture.title)) or "computation graph",
        "STYLE": _STYLE,
        "LEGEND": legend,
        "DRAWING": to_svg(picture),
        "SCRIPT": _SCRIPT,
    }
    head, *rest = _PAGE.split("@")
    return head + "".join(parts[name] + text for name, text in zip(rest[::2], rest[1::2], strict=True))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>@TITLE@</title>
<style>@STYLE@</style>
</head>
<body>
<header>
<h1>@TITLE@</h1>
<div class="legend">@LEGEND@</div>
<label>Search
<input type="search" id="search" placeholder="op, shape, file … ( / )" autocomplete="off"></label>
<output id="found" for="search" aria-live="polite"></output>
<button id="fit" title="Show all (f)">Fit</button>
</header>
<main id="stage" tabindex="0" aria-label="Graph. Arrow keys move it, plus and minus zoom, f shows all of it.">
@DRAWING@</main>
<aside id="details" hidden aria-live="polite"><button id="close" aria-label="Close (Escape)">&times;</button>
<pre id="text"></pre></aside>
<script>@SCRIPT@</script>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark;
  --ground: #ffffff; --bar: #f4f5f7; --ink: #16191d; --rule: #d4d9df; --mark: #c2410c }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171b; --bar: #1e2329; --ink: #e8eaed; --rule: #363d46; --mark: #fb923c }
}
* { box-sizing: border-box }
html, body { height: 100%; margin: 0 }
body { display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 18px; padding: 8px 14px;
  background: var(--bar); border-bottom: 1px solid var(--rule) }
h1 { font-size: 15px; margin: 0; overflow-wrap: anywhere }
.legend { display: flex; flex-wrap: wrap; gap: 4px 12px; flex: 1; font-size: 12px }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; border: 1.5px solid;
  border-radius: 3px; vertical-align: -1px }
input, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--rule);
  border-radius: 6px; padding: 4px 9px }
input { width: 15em }
#found { min-width: 4.5em; font-size: 12px }
#stage { flex: 1; min-height: 0; overflow: hidden; cursor: grab; touch-action: none; position: relative }
#stage.held { cursor: grabbing }
#stage > svg { position: absolute; inset: 0; width: 100%; height: 100%;
  user-select: none; -webkit-user-select: none }
#stage .heading { display: none }
.box { cursor: pointer; outline: none }
.box:hover, .box:focus-visible, .box.pinned { stroke-width: 3 }
.box:focus-visible > rect, .box.pinned > rect, .box.hit > rect { stroke: var(--mark) }
.box.hit { stroke-width: 3 }
.edge.lit { stroke: var(--mark); stroke-width: 2.6 }
.edge.lit .tip { fill: var(--mark) }
.lighting .edge:not(.lit) { opacity: .3 }
.searching .box:not(.hit) { opacity: .35 }
#details { position: fixed; right: 14px; bottom: 14px; width: max-content; max-width: min(34em, 90vw);
  max-height: 45vh; overflow: auto; background: var(--bar); border: 1px solid var(--rule); border-radius: 8px;
  padding: 10px 14px }
#details button { float: right; margin-left: 10px }
pre { margin: 0; font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere }
"""

_SCRIPT = """
'use strict';
const find = id => document.getElementById(id);
const stage = find('stage'), drawing = stage.querySelector('svg'), search = find('search');
const boxes = [...drawing.querySelectorAll('.box')], edges = [...drawing.querySelectorAll('.edge')];
const full = drawing.viewBox.baseVal, home = { w: full.width, h: full.height };
let view = { x: 0, y: 0, scale: 1 };  // the drawing's point at the stage's corner; pixels per unit
let held = null, pinned = null, moved = false, at = -1;

const show = () => drawing.setAttribute('viewBox', [view.x, view.y,
  stage.clientWidth / view.scale, stage.clientHeight / view.scale].join(' '));
function centre(x, y) {
  view.x = x - stage.clientWidth / 2 / view.scale; view.y = y - stage.clientHeight / 2 / view.scale; show();
}
function fit() {
  view.scale = Math.min(1.5, stage.clientWidth / home.w, stage.clientHeight / home.h);
  centre(home.w / 2, home.h / 2);
}
// Keeps what is under (px, py) in place.
function zoom(factor, px = stage.clientWidth / 2, py = stage.clientHeight / 2) {
  const scale = Math.min(8, Math.max(0.01, view.scale * factor));
  view.x += px / view.scale - px / scale; view.y += py / view.scale - py / scale; view.scale = scale; show();
}
function move(dx, dy) { view.x -= dx / view.scale; view.y -= dy / view.scale; show(); }
function light(box) {
  drawing.classList.toggle('lighting', !!box);
  for (const edge of edges) edge.classList.toggle('lit', !!box &&
    (edge.dataset.source === box.dataset.box || edge.dataset.target === box.dataset.box));
}
function pin(box) {
  if (pinned) pinned.classList.remove('pinned');
  pinned = box; light(box); find('details').hidden = !box;
  if (!box) return;
  box.classList.add('pinned'); find('text').textContent = box.querySelector('title').textContent;
}
function hits() { return boxes.filter(box => box.classList.contains('hit')); }
function look() {
  const wanted = search.value.trim().toLowerCase(); at = -1;
  for (const box of boxes) box.classList.toggle('hit',
    !!wanted && box.querySelector('title').textContent.toLowerCase().includes(wanted));
  drawing.classList.toggle('searching', !!wanted);
  find('found').textContent = wanted ? hits().length + ' found' : '';
}
function next(step) {
  const all = hits(); if (!all.length) return;
  at = (Math.max(at, step < 0 ? 0 : -1) + step + all.length) % all.length;
  const [a, b] = [all[at].getBoundingClientRect(), stage.getBoundingClientRect()];
  move(b.left + b.width / 2 - a.left - a.width / 2, b.top + b.height / 2 - a.top - a.height / 2);
  pin(all[at]);
  find('found').textContent = (at + 1) + ' of ' + all.length;
}
for (const box of boxes) {
  box.setAttribute('tabindex', '0'); box.setAttribute('role', 'button');
  box.addEventListener('pointerenter', () => { if (!held) light(box); });
  box.addEventListener('pointerleave', () => { if (!held) light(pinned); });
  box.addEventListener('focus', () => light(box)); box.addEventListener('blur', () => light(pinned));
}
stage.addEventListener('pointerdown', event => { if (event.button === 0) { held = event; moved = false; } });
stage.addEventListener('pointermove', event => {
  if (!held) return;
  const [dx, dy] = [event.clientX - held.clientX, event.clientY - held.clientY];
  if (!moved && Math.hypot(dx, dy) < 4) return;
  if (!moved) { moved = true; stage.classList.add('held'); stage.setPointerCapture(event.pointerId); }
  move(dx, dy); held = event;
});
const release = () => { held = null; stage.classList.remove('held'); };
stage.addEventListener('pointerup', release); stage.addEventListener('pointercancel', release);
stage.addEventListener('click', event => { if (!moved) pin(event.target.closest('.box')); });
stage.addEventListener('dblclick', event => { if (!event.target.closest('.box')) fit(); });
stage.addEventListener('wheel', event => {
  event.preventDefault();
  const corner = stage.getBoundingClientRect(), lines = event.deltaMode === 1 ? 30 : 1;
  zoom(Math.exp(-event.deltaY * lines / 500), event.clientX - corner.left, event.clientY - corner.top);
}, { passive: false });
search.addEventListener('input', look);
search.addEventListener('keydown', event => {
  if (event.key === 'Enter') next(event.shiftKey ? -1 : 1);
});
find('fit').addEventListener('click', fit); find('close').addEventListener('click', () => pin(null));
const acts = {
  '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), f: fit, 0: fit,
  '/': () => search.focus(), ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
  ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
};
addEventListener('keydown', event => {
  if (event.key === 'Escape') { pin(null); search.value = ''; look(); return; }
  if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = event.target.closest('.box'), press = box && (event.key === 'Enter' || event.key === ' ');
  if (!press && !acts[event.key]) return;
  if (press) pin(box); else acts[event.key]();
  event.preventDefault();
});
addEventListener('resize', show); drawing.removeAttribute('style'); fit();
"""
