import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILE_RECORDING } from '../../../src/api/kinds/profile-recording.ts';
import type { ProfileRecording, SeccompProfile } from '../../../src/api/types.ts';

type Equal<A, B> = [A, B] extends [B, A] ? true : false;

/** Does not compile where two types differ. */
function same<A, B>(..._: Equal<A, B> extends true ? [] : [never]): void {}

test('types say what schemas say', () => {
  same<ProfileRecording['kind'], 'ProfileRecording'>();
  same<ProfileRecording['spec']['recorder'], 'Bpf' | 'Logs'>();
  same<ProfileRecording['spec']['containers'], readonly string[] | undefined>();
  same<ProfileRecording['spec']['podSelector']['matchLabels'], Readonly<Record<string, string>> | undefined>();
  same<NonNullable<ProfileRecording['status']>['pods'], number | undefined>();
  same<NonNullable<SeccompProfile['spec']['syscalls']>[number]['names'], readonly string[]>();
  same<Extract<SeccompProfile['spec']['defaultAction'], `${string}ALLOW`>, 'SCMP_ACT_ALLOW'>();
  // @ts-expect-error: a word that the schema does not have
  const wrong: ProfileRecording['spec']['recorder'] = 'bpf';
  assert.ok(!(PROFILE_RECORDING.spec.properties.recorder.enum as readonly string[]).includes(wrong));
  // @ts-expect-error: podSelector is required
  const missing: ProfileRecording['spec'] = { kind: 'SeccompProfile', recorder: 'Bpf' };
  assert.equal(missing.podSelector, undefined);
});
