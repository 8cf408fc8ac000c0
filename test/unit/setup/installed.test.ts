import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import {
  CLUSTER_WIDE,
  GATES,
  IN_NAMESPACE,
  OF_THE_UNINSTALLER,
  UNINSTALLER_IN_NAMESPACE,
  WORKLOADS,
} from '../../../src/setup/installed.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Ended by other steps: definitions behind their objects, the namespace last. */
const OTHERWISE = ['CustomResourceDefinition', 'Namespace', 'Kustomization', 'Component'];

test('all that the manifests make is taken away by uninstall', () => {
  const known = [
    ...[GATES, WORKLOADS, IN_NAMESPACE, CLUSTER_WIDE],
    ...[OF_THE_UNINSTALLER, UNINSTALLER_IN_NAMESPACE],
  ].flat();
  const names = new Set(known.map(({ resource, name }) => `${resource.kind} ${name}`));
  const files = globSync('deploy/{base,webhook,uninstall,components}/**/*.yaml');
  const made = files.flatMap((file) =>
    parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Manifest),
  );
  const missed = made.filter(
    ({ kind, metadata }) => !OTHERWISE.includes(kind) && !names.has(`${kind} ${metadata.name}`),
  );
  assert.deepEqual(missed, []);
  assert.ok(made.length > 20, 'the manifests are there');
});
