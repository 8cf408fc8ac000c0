import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { isBuilt, PROFILE_KINDS } from '../../../src/api/built.ts';
import { KINDS } from '../../../src/api/kinds.ts';

interface Policy {
  readonly spec: { readonly matchConstraints: { readonly resourceRules: readonly [{ readonly resources: string[] }] } };
}

test('the policy warns of profiles of the kinds that are not built, and of no others', () => {
  const text = readFileSync(new URL('../../../deploy/webhook/not-built.yaml', import.meta.url), 'utf8');
  const policy = parseAllDocuments(text)[0]?.toJS() as Policy;
  const [{ resources }] = policy.spec.matchConstraints.resourceRules;
  for (const kind of PROFILE_KINDS) {
    const plural = KINDS.find((one) => one.kind === kind)?.plural ?? '';
    assert.equal(resources.includes(plural), !isBuilt(kind), kind);
  }
  // Whatever refers to a profile is looked at, too.
  assert.ok(resources.includes('profilebindings') && resources.includes('profilerecordings'));
});
