import type { z } from 'zod';

type Json = z.core.JSONSchema.BaseSchema;

/** The JSON Schema (draft 2020-12) of `sarma.config.json` and of the key `sarma` in `package.json`. */
export async function configurationSchema(): Promise<object> {
  const { toJSONSchema } = await import('zod');
  const { configSchema } = await import('./schema.ts');
  const schema = toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => dropCode(jsonSchema),
  });
  return { title: 'sarma.config.json', ...schema };
}

/** What only code can be is nothing that JSON may hold. */
function dropCode(schema: Json): void {
  if (schema.anyOf !== undefined) {
    const left = schema.anyOf.filter((form) => !isCode(form));
    delete schema.anyOf;
    if (left.length === 1) Object.assign(schema, left[0]);
    else schema.anyOf = left;
  }
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    if (isCode(value)) delete schema.properties![key];
  }
}

function isCode(schema: z.core.JSONSchema._JSONSchema): boolean {
  return typeof schema === 'object' && schema.onlyCode === true;
}
