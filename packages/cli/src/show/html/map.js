// The map of the page: what weighs what, as tiles.

/** Tiles smaller than this in either direction, in pixels, are drawn as one. */
const SMALLEST = 7;
/** Pixels of a group's title, and between tiles. */
const HEAD = 22;
const GAP = 2;
/** Groups are opened down to this depth; below it one has to go there. */
const DEPTH = 3;

let shown = root;
let measure = 'stored';

function pathOf(node) {
  const names = [];
  for (let at = node; at; at = at.parent) names.unshift(at.name);
  return names;
}

/**
 * Bruls, Huizing, van Wijk: Squarified Treemaps (2000). Lays parts, heaviest first, into a rectangle so that they are as
 * square as can be. What would be too small to see comes back as one part.
 */
function squarify(parts, space) {
  const { width, height } = space;
  const total = parts.reduce((sum, part) => sum + part[measure], 0);
  if (total === 0 || width < 1 || height < 1) return [];
  const scale = (width * height) / total;
  const placed = [];
  let rest = space;
  let row = [];
  const endRow = () => {
    rest = layRow(row, rest, placed);
    row = [];
  };
  for (const [index, part] of parts.entries()) {
    const one = { part, area: part[measure] * scale };
    if (one.area <= 0) break;
    if (one.area < SMALLEST * SMALLEST) {
      if (row.length > 0) endRow();
      const small = parts.slice(index).filter((other) => other[measure] > 0);
      if (rest.width > 0 && rest.height > 0) placed.push({ ...rest, part: together(small) });
      return placed;
    }
    const side = Math.min(rest.width, rest.height);
    if (row.length > 0 && worst([...row, one], side) > worst(row, side)) endRow();
    row.push(one);
  }
  if (row.length > 0) endRow();
  return placed;
}

/** How far from square the worst of a row is, along a side. */
function worst(row, side) {
  const whole = areaOf(row);
  const max = row[0].area;
  const min = row.at(-1).area;
  return Math.max((side * side * max) / (whole * whole), (whole * whole) / (side * side * min));
}

function areaOf(row) {
  return row.reduce((sum, { area }) => sum + area, 0);
}

/** Lays a row along the shorter side of a rectangle. Returns what is left of that. */
function layRow(row, { left, top, width, height }, placed) {
  const flat = width >= height;
  const depth = areaOf(row) / (flat ? height : width);
  let at = flat ? top : left;
  for (const { part, area } of row) {
    const length = area / depth;
    placed.push(
      flat
        ? { part, left, top: at, width: depth, height: length }
        : { part, left: at, top, width: length, height: depth },
    );
    at += length;
  }
  return flat
    ? { left: left + depth, top, width: width - depth, height }
    : { left, top: top + depth, width, height: height - depth };
}

/** Many small things as one that cannot be entered. */
function together(parts) {
  const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
  const one = parts.length === 1 ? parts[0] : undefined;
  return (
    one ?? {
      name: `${parts.length} smaller ones`,
      kind: 'rest',
      colour: 'other',
      stored: sum('stored'),
      unpacked: sum('unpacked'),
      files: sum('files'),
      parent: parts[0].parent,
    }
  );
}

const map = element('map');
const nodeOf = new WeakMap();

function draw() {
  const { clientWidth: width, clientHeight: height } = map;
  const tiles = document.createDocumentFragment();
  const parts = shown.parts ?? [shown];
  drawInside(parts, { left: 0, top: 0, width, height }, 1, tiles);
  map.replaceChildren(tiles);
  if (map.childElementCount === 0) map.append(make('p', 'Nothing of this is installed.'));
  drawTrail();
}

function drawInside(parts, space, depth, tiles) {
  const sorted = [...parts].sort((a, b) => b[measure] - a[measure]);
  for (const { part, left, top, width, height } of squarify(sorted, space)) {
    const box = { left: left + GAP / 2, top: top + GAP / 2, width: width - GAP, height: height - GAP };
    if (box.width < 1 || box.height < 1) continue;
    const isOpen = part.parts && depth < DEPTH && box.width > 70 && box.height > 50;
    tiles.append(tile(part, box, isOpen));
    if (!isOpen) continue;
    const inner = {
      left: box.left + 3,
      top: box.top + HEAD,
      width: box.width - 6,
      height: box.height - HEAD - 3,
    };
    drawInside(part.parts, inner, depth + 1, tiles);
  }
}

function tile(part, { left, top, width, height }, isOpen) {
  const made = make('button', undefined, `tile k-${part.colour} ${isOpen ? 'group' : 'plain'}`);
  if (!part.parts) made.classList.add('leaf');
  made.type = 'button';
  Object.assign(made.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
  const label = `${part.name}${part.version ? ` ${part.version}` : ''}`;
  made.setAttribute('aria-label', `${label}, ${size(part[measure])}`);
  if (width > 34 && height > 18)
    made.append(make('span', isOpen ? `${label}  ${size(part[measure])}` : label));
  if (!isOpen && width > 50 && height > 38) made.append(make('span', size(part[measure])));
  nodeOf.set(made, part);
  return made;
}

function drawTrail() {
  const trail = element('trail');
  const steps = [];
  for (let at = shown; at; at = at.parent) steps.unshift(at);
  trail.replaceChildren(
    ...steps.flatMap((step, index) => {
      if (step === shown) return [make('b', `${step.name}  ${size(step[measure])}`)];
      const link = make('button', step.name);
      link.type = 'button';
      link.addEventListener('click', () => go(step));
      return index === steps.length - 1 ? [link] : [link, make('i', '›')];
    }),
  );
}

function go(node) {
  if (!node?.parts) return;
  shown = node;
  draw();
}

function tell(part) {
  if (!part) return;
  const share = root[measure] === 0 ? 0 : (part[measure] / root[measure]) * 100;
  const facts = [
    `${size(part.stored)} in the file`,
    ...(part.unpacked > 0 ? [`${size(part.unpacked)} installed`] : []),
    ...(part.files > 1 ? [`${part.files.toLocaleString('en')} files`] : []),
    `${share.toFixed(1)} %`,
    ...(part.version ? [`version ${part.version}`] : []),
    ...(part.license ? [part.license] : []),
  ];
  element('detail').textContent = `${pathOf(part).slice(1).join(' › ')}: ${facts.join(', ')}`;
}

map.addEventListener('click', ({ target }) => {
  const part = nodeOf.get(target.closest('.tile'));
  if (part?.parts) {
    go(part);
    map.querySelector('.tile')?.focus();
  }
});
map.addEventListener('pointerover', ({ target }) => tell(nodeOf.get(target.closest('.tile'))));
map.addEventListener('focusin', ({ target }) => tell(nodeOf.get(target)));
document.addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape' || target === element('search') || !shown.parent) return;
  go(shown.parent);
  map.querySelector('.tile')?.focus();
});
for (const button of element('measure').querySelectorAll('button')) {
  button.addEventListener('click', () => {
    measure = button.dataset.measure;
    for (const one of element('measure').querySelectorAll('button'))
      one.setAttribute('aria-pressed', String(one === button));
    draw();
  });
}
new ResizeObserver(() => draw()).observe(map);

element('legend').append(...Object.entries(KINDS).map(([kind, title]) => make('li', title, `k-${kind}`)));
