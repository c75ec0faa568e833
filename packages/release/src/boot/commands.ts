import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { AnyNode, Program } from 'acorn';
import { sourceExtension } from '../sources/package.ts';
import { parseSource, unreadable } from '../sources/parse.ts';

/** A module in the folder of custom commands; its name is the command's. */
export interface CommandSource {
  readonly name: string;
  readonly file: string;
}

/** The modules of a folder, sorted by name. Files that begin with `_` or `.` and tests are for the others to import. */
export function findCommands(folder: string): readonly CommandSource[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && sourceExtension.test(entry.name))
    .map(({ name }) => ({ name: name.replace(sourceExtension, ''), file: path.join(folder, name) }))
    .filter(({ name }) => /^[a-z0-9][\w-]*$/i.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * What `description` of the default export (of `module.exports`) says, where it is written there as a string. The
 * module is read, not run: it may open a database when it is imported. Throws ReleaseError BOOT_MODULE for what cannot
 * be read.
 */
export async function commandDescription(file: string): Promise<string> {
  const program = await parseSource(file).catch((cause: unknown) => {
    throw unreadable('BOOT_MODULE', file, cause);
  });
  const declared = new Map<string, AnyNode>();
  let exported: AnyNode | undefined;
  for (const node of program.body) {
    if (node.type === 'VariableDeclaration')
      for (const { id, init } of node.declarations)
        if (id.type === 'Identifier' && init) declared.set(id.name, init);
    exported = exportedBy(node) ?? exported;
  }
  if (exported?.type === 'Identifier') exported = declared.get(exported.name);
  return descriptionIn(exported) ?? '';
}

/** What a statement makes the default export. */
function exportedBy(node: Program['body'][number]): AnyNode | undefined {
  if (node.type === 'ExportDefaultDeclaration') return node.declaration;
  // esbuild may write it as `export { x as default }`.
  if (node.type === 'ExportNamedDeclaration')
    return node.specifiers.find(
      ({ exported }) => exported.type === 'Identifier' && exported.name === 'default',
    )?.local;
  if (node.type !== 'ExpressionStatement' || node.expression.type !== 'AssignmentExpression')
    return undefined;
  const { left, right } = node.expression;
  const isModuleExports =
    left.type === 'MemberExpression' &&
    left.object.type === 'Identifier' &&
    left.object.name === 'module' &&
    left.property.type === 'Identifier' &&
    left.property.name === 'exports';
  return isModuleExports ? right : undefined;
}

/** `{ description: 'text' }`, alone or as the argument of a call like `defineCommand`. */
function descriptionIn(node: AnyNode | undefined): string | undefined {
  if (node?.type === 'CallExpression') return descriptionIn(node.arguments[0]);
  if (node?.type !== 'ObjectExpression') return undefined;
  for (const property of node.properties) {
    if (property.type !== 'Property' || property.key.type !== 'Identifier') continue;
    if (property.key.name !== 'description') continue;
    if (property.value.type === 'Literal' && typeof property.value.value === 'string')
      return property.value.value;
    if (property.value.type === 'TemplateLiteral' && property.value.expressions.length === 0)
      return property.value.quasis[0]?.value.cooked ?? undefined;
  }
  return undefined;
}
