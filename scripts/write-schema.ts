// `npm run build:schema`: writes packages/release/schema/sarma.schema.json, the JSON Schema of a configuration.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { configurationSchema } from '@sarma/release';

const root = path.resolve(import.meta.dirname, '..');
const file = path.join(root, 'packages/release/schema/sarma.schema.json');
writeFileSync(file, JSON.stringify(await configurationSchema(), null, 2));
execFileSync(path.join(root, 'node_modules/.bin/biome'), ['format', '--write', file], { stdio: 'inherit' });
