// The table of the page, and the search in it.

/** Rows of the table that are shown at once. */
const ROWS = 200;

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
  const besides = [node.version, node.license].filter(Boolean).join(', ');
  if (besides) name.append(' ', make('small', besides));
  const numbers = [size(node.stored), node.unpacked > 0 ? size(node.unpacked) : '', node.files || ''];
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
drawRows();
