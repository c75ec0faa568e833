import { type AnyNode, type Program, parse } from 'acorn';

/** What a specifier should say in the release; undefined leaves it. */
export type Renamed = (specifier: string) => string | undefined;

export interface Rewritten {
  readonly code: string;
  /** What loads something by a name that is only known at run time, or still names TypeScript, in words. */
  readonly left: readonly string[];
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Found {
  readonly code: string;
  readonly edits: Edit[];
  readonly left: string[];
}

/** A node as the walk sees it: any field may hold further nodes. */
type Node = AnyNode & Readonly<Record<string, unknown>>;

const typeScriptEnding = /\.[cm]?tsx?$/;

/**
 * Rewrites in JavaScript what names other source files: imports, exports, `require`, `import.meta.resolve` by
 * `imported`, other strings that name a TypeScript file (`new URL`, workers, forks) by `named`. Without `imported` the former
 * are left to whoever comes next.
 * Throws SyntaxError for what is no JavaScript.
 */
export function rewrite(
  code: string,
  module: boolean,
  imported: Renamed | undefined,
  named: Renamed,
): Rewritten {
  const program = parse(code, {
    ecmaVersion: 'latest',
    sourceType: module ? 'module' : 'script',
    allowHashBang: true,
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: module,
    locations: false,
  });
  const found: Found = { code, edits: [], left: [] };
  visit(program, found, imported, named);
  return { code: apply(code, found.edits), left: found.left };
}

function visit(node: Node | Program, found: Found, imported: Renamed | undefined, named: Renamed): void {
  const handled = specifierOf(node as Node, found);
  if (handled !== undefined) replaceSpecifier(handled, found, imported, named);
  if (node.type === 'ImportDeclaration' && imported !== undefined) addJsonAttribute(node, found);
  if (node.type === 'Literal' && typeof node.value === 'string') nameString(node, node.value, found, named);
  if (node.type === 'CallExpression') nameJoined(node as Node, found, named);
  if (node.type === 'TemplateLiteral') nameTemplate(node as Node, found, named);
  for (const [key, value] of Object.entries(node)) {
    if (value === handled || key === 'type') continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== handled && isNode(child)) visit(child, found, imported, named);
    }
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}

/** The node that holds the specifier of an import, in any of its forms. */
function specifierOf(node: Node, found: Found): Node | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return (node.source ?? undefined) as Node | undefined;
    case 'ImportExpression':
      if (node.source.type !== 'Literal' && node.source.type !== 'TemplateLiteral')
        found.left.push(quote(found, node));
      return node.source as Node;
    case 'CallExpression':
      return isRequire(node.callee as Node) ? (node.arguments[0] as Node | undefined) : undefined;
    default:
      return undefined;
  }
}

/** `require`, `require.resolve`, `import.meta.resolve`. */
function isRequire(callee: Node): boolean {
  if (callee.type === 'Identifier') return callee.name === 'require';
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return false;
  if (callee.property.name !== 'resolve') return false;
  return (
    callee.object.type === 'MetaProperty' ||
    (callee.object.type === 'Identifier' && callee.object.name === 'require')
  );
}

function quote({ code }: Found, { start, end }: Node): string {
  const text = code.slice(start, end).replaceAll(/\s+/g, ' ');
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function constant(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type !== 'TemplateLiteral' || node.expressions.length > 0) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}

function replaceSpecifier(node: Node, found: Found, imported: Renamed | undefined, named: Renamed): void {
  if (imported === undefined) return;
  const specifier = constant(node);
  if (specifier === undefined) {
    visit(node, found, imported, named);
    return;
  }
  const text = imported(specifier);
  if (text !== undefined) found.edits.push({ start: node.start, end: node.end, text: JSON.stringify(text) });
}

/** Node wants to be told that a module is JSON; TypeScript's bundler resolution does not. */
function addJsonAttribute(node: Extract<AnyNode, { type: 'ImportDeclaration' }>, found: Found): void {
  const { source, attributes, specifiers } = node;
  const plain = specifiers.length === 1 && specifiers[0]!.type === 'ImportDefaultSpecifier';
  if (!plain || attributes.length > 0 || !String(source.value).endsWith('.json')) return;
  found.edits.push({ start: source.end, end: source.end, text: ' with { type: "json" }' });
}

function nameString(node: Node, value: string, found: Found, named: Renamed): void {
  if (!typeScriptEnding.test(value) || /\s/.test(value)) return;
  const text = named(value);
  if (text !== undefined) found.edits.push({ start: node.start, end: node.end, text: JSON.stringify(text) });
  else if (/^\.{1,2}\//.test(value)) found.left.push(quote(found, node));
}

/** `join(__dirname, 'jobs', 'worker.ts')`; a name in one piece is found by itself. */
function nameJoined(node: Node, found: Found, named: Renamed): void {
  if (node.type !== 'CallExpression' || node.arguments.length < 3) return;
  const [folder, ...rest] = node.arguments as unknown as readonly Node[];
  const parts = rest.map(constant);
  const last = parts.at(-1);
  if (!isOwnFolder(folder) || last === undefined || parts.includes(undefined) || !typeScriptEnding.test(last))
    return;
  const text = named(`./${parts.join('/')}`);
  if (text === undefined) return;
  const { start, end } = rest.at(-1)!;
  const renamed = last.replace(/[^/]*$/, '') + text.slice(text.lastIndexOf('/') + 1);
  found.edits.push({ start, end, text: JSON.stringify(renamed) });
}

/** A template that ends in `.ts` and has a folder of this file in front: `./commands/${name}.ts`, `${__dirname}/a.ts`. */
function nameTemplate(node: Node, found: Found, named: Renamed): void {
  if (node.type !== 'TemplateLiteral') return;
  const last = node.quasis.at(-1)!;
  const ending = typeScriptEnding.exec(last.value.raw)?.[0];
  if (ending === undefined) return;
  const whole = node.quasis.map((quasi) => quasi.value.raw).join('');
  const isFolder = /^\.{1,2}\//.test(whole) || isOwnFolder(node.expressions[0] as Node | undefined);
  if (!isFolder && named(whole) === undefined) return;
  const text = ending.replace('tsx', 'js').replace('ts', 'js');
  found.edits.push({ start: last.end - ending.length, end: last.end, text });
}

/** `__dirname` or `import.meta.dirname`. */
function isOwnFolder(node: Node | undefined): boolean {
  if (node?.type === 'Identifier') return node.name === '__dirname';
  if (node?.type !== 'MemberExpression' || node.object.type !== 'MetaProperty') return false;
  return node.property.type === 'Identifier' && node.property.name === 'dirname';
}

function apply(code: string, edits: readonly Edit[]): string {
  let result = '';
  let position = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    result += code.slice(position, edit.start) + edit.text;
    position = edit.end;
  }
  return result + code.slice(position);
}
