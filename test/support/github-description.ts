import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/** As scripts/write-github-api.ts takes it out of npm's @octokit/openapi. */
const FILE = path.join(import.meta.dirname, 'fixtures/github-api.json');

export type GitHubVersion = 'api.github.com' | 'ghes-3.19';

/** What GitHub's OpenAPI description has of a request. */
export interface FoundOperation {
  /** `repos/create-release`. */
  readonly id: string;
  /** Out of the path, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What of a request is not as it is described. */
  readonly checkRequest: (query: URLSearchParams, body: unknown) => readonly string[];
  /** What of an answer is not as it is described. */
  readonly checkAnswer: (status: number, body: unknown) => readonly string[];
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly ({ readonly $ref: string } | Parameter)[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, unknown> };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required?: boolean;
  readonly schema: { readonly type: string };
}

/** Finds a request in GitHub's description, by method and path below the API's address. */
export function gitHubDescription(version: GitHubVersion) {
  const description = JSON.parse(readFileSync(FILE, 'utf8'))[version];
  // In prose alone: "This may leave an empty asset with a state of `starter`."
  description.components.schemas['release-asset'].properties.state.enum.push('starter');
  closeRequests(description);
  const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: false });
  addFormats.default(ajv);
  ajv.addSchema(description, 'github');
  const wrongAt = (pointer: string, value: unknown, what: string): readonly string[] => {
    const validate: ValidateFunction = ajv.getSchema(`github#${pointer}`)!;
    if (validate(value)) return [];
    return validate.errors!.map(({ instancePath, message }) => `${what}${instancePath} ${message}`);
  };
  const resolve = <Value>(value: Value | { readonly $ref: string }): Value =>
    (value as { $ref?: string }).$ref === undefined
      ? (value as Value)
      : description.components.parameters[(value as { $ref: string }).$ref.split('/').at(-1)!];

  return (method: string, requested: string): FoundOperation | undefined => {
    for (const [route, methods] of Object.entries<Record<string, Operation>>(description.paths)) {
      const operation = methods[method.toLowerCase()];
      const found =
        operation && new RegExp(`^${route.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(requested);
      if (!operation || !found) continue;
      const given = Object.entries(found.groups ?? {});
      const parameters = Object.fromEntries(given.map(([name, text]) => [name, decodeURIComponent(text)]));
      const described = operation.parameters.map((parameter) => resolve<Parameter>(parameter));
      // An integer's place is not taken by a word: `releases/latest` is no release's number.
      const isInteger = (name: string) =>
        described.find((parameter) => parameter.name === name)?.schema.type === 'integer';
      if (given.some(([name, text]) => isInteger(name) && !/^\d+$/.test(text))) continue;
      const pointer = `/paths/${escapePointer(route)}/${method.toLowerCase()}`;
      const { operationId: id, requestBody, responses } = operation;
      return {
        id,
        parameters,
        checkRequest: (query, body) => {
          const known = described.filter((parameter) => parameter.in === 'query');
          const names = known.map(({ name }) => name);
          const unknown = [...query.keys()].filter((name) => !names.includes(name));
          const missing = known.filter(({ name, required }) => required && !query.has(name));
          const json = requestBody?.content['application/json'];
          return [
            ...unknown.map((name) => `${id} has no parameter ${name}`),
            ...missing.map(({ name }) => `${id} lacks the parameter ${name}`),
            ...(json && (body !== undefined || requestBody.required)
              ? wrongAt(`${pointer}/requestBody/content/application~1json/schema`, body, `${id}: request`)
              : []),
          ];
        },
        checkAnswer: (status, body) => {
          const what = `${id}: ${status}`;
          const error = status === 422 ? 'validation-error' : 'basic-error';
          if (status >= 400) return wrongAt(`/components/schemas/${error}`, body, what);
          const response = responses[status] as { content?: Record<string, unknown> } | undefined;
          if (response === undefined) return [`${what} is not described`];
          if (response.content === undefined) return body === undefined ? [] : [`${what} has a body`];
          return wrongAt(`${pointer}/responses/${status}/content/application~1json/schema`, body, what);
        },
      };
    }
    return undefined;
  };
}

/** What is sent has no properties that are not described. */
function closeRequests(description: { paths: Record<string, Record<string, Operation>> }): void {
  for (const methods of Object.values(description.paths))
    for (const { requestBody } of Object.values(methods)) {
      const json = requestBody?.content['application/json'] as { schema: object } | undefined;
      if (json) Object.assign(json.schema, { additionalProperties: false });
    }
}

const escapePointer = (key: string) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
