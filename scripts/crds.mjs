/** Writes deploy/crds from src/api; with --check tells what differs instead, and ends with 1. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { customResourceDefinition, GROUP } from '../src/api/crd.ts';
import { KINDS } from '../src/api/kinds.ts';

const DIRECTORY = new URL('../deploy/crds/', import.meta.url);
const check = process.argv.includes('--check');
const files = new Map(
  KINDS.map((kind) => [
    `${GROUP}_${kind.plural}.yaml`,
    stringify(customResourceDefinition(kind), { aliasDuplicateObjects: false, lineWidth: 120 }),
  ]),
);
const list = `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n`;
files.set('kustomization.yaml', list + [...files.keys()].map((file) => `  - ${file}\n`).join(''));
mkdirSync(DIRECTORY, { recursive: true });
for (const [file, text] of files) {
  if (!check) writeFileSync(new URL(file, DIRECTORY), text);
  else if (!readdirSync(DIRECTORY).includes(file) || readFileSync(new URL(file, DIRECTORY), 'utf8') !== text) {
    console.error(`deploy/crds/${file} is not what src/api says: make crds`);
    process.exitCode = 1;
  }
}
for (const file of readdirSync(DIRECTORY))
  if (!files.has(file)) {
    console.error(`deploy/crds/${file} belongs to no kind of src/api`);
    process.exitCode = 1;
  }
