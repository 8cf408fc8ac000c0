import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behindHandler } from '../../../src/container/cri/handlers.ts';

const RUNC = 'io.containerd.runc.v2';
const SETTINGS = JSON.stringify({
  containerd: {
    defaultRuntimeName: 'usual',
    runtimes: {
      usual: { runtimeType: RUNC, options: { BinaryName: '/usr/local/kata/bin/crun' } },
      plain: { runtimeType: RUNC, options: null },
      strict: { runtimeType: 'io.containerd.kata.v2' },
    },
  },
});

for (const [handler, settings, names] of [
  ['', SETTINGS, 'usual io.containerd.runc.v2 crun'],
  ['plain', SETTINGS, 'plain io.containerd.runc.v2'],
  ['strict', SETTINGS, 'strict io.containerd.kata.v2'],
  ['removed', SETTINGS, 'removed'],
  ['crun', undefined, 'crun'],
  ['', undefined, ''],
  ['', '{"sandboxImage":"pause"}', ''],
  ['runc', 'null', 'runc'],
  ['runc', 'not JSON', 'runc'],
] as const)
  test(`behind the handler "${handler}" of ${settings?.slice(0, 20)} is "${names}"`, () => {
    assert.equal(behindHandler(handler, settings), names);
  });
