// The script of the page that `sarma inspect --html` writes. It runs in a browser, from a file, without a network.
// `data` has { title, version, file, bytes, tree, facts }; a tree is { name, kind, stored, unpacked, version?, licence?,
// parts? }, as packages/wrapper/src/weights.ts makes it.

const data = JSON.parse(document.getElementById('data').textContent);

/** Tiles smaller than this in either direction, in pixels, are drawn as one. */
const SMALLEST = 7;
/** Pixels of a group's title, and between tiles. */
const HEAD = 22;
const GAP = 2;
/** Groups are opened down to this depth; below it one has to go there. */
const DEPTH = 3;
/** Rows of the table that are shown at once. */
const ROWS = 200;

const element = (id) => document.getElementById(id);

/** A new element; text is only ever text. */
function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function size(bytes) {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 999_950) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 999_950_000) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

const KINDS = {
  runtime: 'runtime',
  stub: 'stub',
  manifest: 'manifest',
  code: 'JavaScript',
  native: 'native and WebAssembly',
  data: 'data',
  types: 'types and source maps',
  docs: 'texts',
  other: 'other files',
};

const ENDINGS = [
  ['types', /\.(d\.[cm]?ts|map|tsbuildinfo|flow)$/i],
  ['code', /\.([cm]?js|jsx|[cm]?tsx?)$/i],
  ['native', /\.(node|so|dll|dylib|exe|wasm)$|\.so\.\d/i],
  ['data', /\.(json|ya?ml|toml|csv|sql|db|dat|bin|xml)$/i],
  ['docs', /\.(md|markdown|txt|html?|css)$|^(license|licence|readme|changelog|notice|authors)/i],
];

function kindOf({ name, kind }) {
  if (kind !== 'file') return KINDS[kind] ? kind : 'folder';
  return ENDINGS.find(([, form]) => form.test(name))?.[0] ?? 'other';
}

/** Every node gets its parent and the number of its files, every group the kind that weighs most in it. */
function prepare(node, parent) {
  node.parent = parent;
  node.colour = kindOf(node);
  node.count = node.kind === 'file' ? 1 : 0;
  const weights = {};
  for (const part of node.parts ?? []) {
    prepare(part, node);
    node.count += part.count;
    weights[part.colour] = (weights[part.colour] ?? 0) + part.stored;
  }
  if (node.parts && node.colour === 'folder') {
    const [heaviest] = Object.entries(weights).sort((a, b) => b[1] - a[1]);
    if (heaviest) node.colour = heaviest[0];
  }
}

const root = data.tree;
prepare(root, null);

let shown = root;
let measure = 'stored';

function pathOf(node) {
  const names = [];
  for (let at = node; at; at = at.parent) names.unshift(at.name);
  return names;
}

// ---- The map ------------------------------------------------------------------------------------------------------

/**
 * Bruls, Huizing, van Wijk: Squarified Treemaps (2000). Lays parts, heaviest first, into a rectangle so that they are as
 * square as can be. What would be too small to see comes back as one part.
 */
function squarify(parts, { left, top, width, height }) {
  const total = parts.reduce((sum, part) => sum + part[measure], 0);
  const placed = [];
  if (total === 0 || width < 1 || height < 1) return placed;
  const scale = (width * height) / total;
  let rest = { left, top, width, height };
  let row = [];
  let area = 0;
  const worst = (areas, whole, side) => {
    const max = areas[0];
    const min = areas[areas.length - 1];
    return Math.max((side * side * max) / (whole * whole), (whole * whole) / (side * side * min));
  };
  const lay = () => {
    const flat = rest.width >= rest.height;
    const side = flat ? rest.height : rest.width;
    const depth = area / side;
    let at = flat ? rest.top : rest.left;
    for (const { part, space } of row) {
      const length = space / depth;
      placed.push(
        flat
          ? { part, left: rest.left, top: at, width: depth, height: length }
          : { part, left: at, top: rest.top, width: length, height: depth },
      );
      at += length;
    }
    rest = flat
      ? { ...rest, left: rest.left + depth, width: rest.width - depth }
      : { ...rest, top: rest.top + depth, height: rest.height - depth };
    row = [];
    area = 0;
  };
  for (const [index, part] of parts.entries()) {
    const space = part[measure] * scale;
    if (space <= 0) break;
    if (space < SMALLEST * SMALLEST) {
      const small = parts.slice(index).filter((one) => one[measure] > 0);
      if (row.length > 0) lay();
      if (rest.width > 0 && rest.height > 0) placed.push({ ...rest, part: together(small) });
      return placed;
    }
    const side = Math.min(rest.width, rest.height);
    const areas = row.map((one) => one.space);
    const isBetter =
      row.length === 0 || worst([...areas, space], area + space, side) <= worst(areas, area, side);
    if (!isBetter) lay();
    row.push({ part, space });
    area += space;
  }
  if (row.length > 0) lay();
  return placed;
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
      count: sum('count'),
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
    ...(part.count > 1 ? [`${part.count.toLocaleString('en')} files`] : []),
    `${share.toFixed(1)} %`,
    ...(part.version ? [`version ${part.version}`] : []),
    ...(part.licence ? [part.licence] : []),
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

// ---- The table ----------------------------------------------------------------------------------------------------

const all = [];
(function collect(node, path) {
  const own = node === root ? '' : path === '' ? node.name : `${path}/${node.name}`;
  if (node !== root) all.push({ node, path: own, lower: own.toLowerCase() });
  for (const part of node.parts ?? []) collect(part, own);
})(root, '');

let sort = 'stored';

function drawRows() {
  const words = element('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const matching =
    words.length === 0
      ? all.filter(({ node }) => node.kind !== 'file' && node.kind !== 'folder')
      : all.filter(({ lower }) => words.every((word) => lower.includes(word)));
  const by = sort === 'path' ? (a, b) => (a.lower < b.lower ? -1 : 1) : (a, b) => b.node[sort] - a.node[sort];
  const rows = matching.sort(by).slice(0, ROWS);
  element('rows').replaceChildren(...rows.map(row));
  const more = matching.length > rows.length ? `, the first ${ROWS} of which are shown` : '';
  const number = matching.length.toLocaleString('en');
  element('found').textContent =
    words.length === 0
      ? `${number} parts${more}; the search also looks into ${all.length.toLocaleString('en')} folders and files.`
      : `${number} found${more}.`;
  for (const header of document.querySelectorAll('th')) {
    const isSorted = header.firstElementChild.dataset.sort === sort;
    if (isSorted) header.setAttribute('aria-sort', sort === 'path' ? 'ascending' : 'descending');
    else header.removeAttribute('aria-sort');
  }
}

function row({ node, path }) {
  const made = make('tr');
  const name = make('td');
  const link = make('button', path);
  link.type = 'button';
  link.addEventListener('click', () => {
    go(node.parts ? node : node.parent);
    tell(node);
    element('map-section').scrollIntoView({ block: 'nearest' });
  });
  name.append(link);
  const besides = [node.version, node.licence].filter(Boolean).join(', ');
  if (besides) name.append(' ', make('small', besides));
  const numbers = [size(node.stored), node.unpacked > 0 ? size(node.unpacked) : '', node.count || ''];
  made.append(name, ...numbers.map((text) => make('td', text, 'number')));
  return made;
}

element('search').addEventListener('input', drawRows);
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    sort = button.dataset.sort;
    drawRows();
  });
}

// ---- What stands around them --------------------------------------------------------------------------------------

element('title').replaceChildren(data.title, ' ', make('small', data.version));
element('summary').append(
  make('b', size(data.bytes)),
  ` for ${data.targets.join(' and ')}, ${root.count.toLocaleString('en')} files, ${size(root.unpacked)} installed · ${data.file}`,
);
element('facts').append(
  ...data.facts.map((slice) => {
    const list = make('dl');
    for (const [name, value] of slice) {
      const values = [value].flat();
      values.forEach((one, index) => {
        const isDigits = /^[0-9a-f]{12,}$/.test(one);
        list.append(make('dt', index === 0 ? name : ''), make('dd', one, isDigits ? 'mono' : ''));
      });
    }
    return list;
  }),
);
drawRows();
