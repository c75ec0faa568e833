// The script of the page that `sarma inspect --html` writes. It runs in a browser, from a file, without a network.
// map.js and table.js follow it in the same scope. `data` has { title, version, file, bytes, targets, tree, facts }; a
// tree is { name, kind, stored, unpacked, files, version?, license?, parts? }, as packages/wrapper/src/weights.ts makes it.

const data = JSON.parse(document.getElementById('data').textContent);

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

/** Every node gets its parent, every group the kind that weighs most in it. */
function prepare(node, parent) {
  node.parent = parent;
  node.colour = kindOf(node);
  const weights = {};
  for (const part of node.parts ?? []) {
    prepare(part, node);
    weights[part.colour] = (weights[part.colour] ?? 0) + part.stored;
  }
  if (node.parts && node.colour === 'folder') {
    const [heaviest] = Object.entries(weights).sort((a, b) => b[1] - a[1]);
    if (heaviest) node.colour = heaviest[0];
  }
}

const root = data.tree;
prepare(root, null);

element('title').replaceChildren(data.title, ' ', make('small', data.version));
element('summary').append(
  make('b', size(data.bytes)),
  ` for ${data.targets.join(' and ')}, ${root.files.toLocaleString('en')} files, ${size(root.unpacked)} installed · ${data.file}`,
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
