import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PRINT = fileURLToPath(new URL('print-helps.ts', import.meta.url));

const helps: Record<string, string> = JSON.parse(execFileSync(process.execPath, [PRINT], { encoding: 'utf8' }));

test('commands are listed by what people come for; what only manifests start is not', () => {
  const headings = [...(helps['']?.matchAll(/^([A-Z][^\n]*):$/gm) ?? [])].map(([, heading]) => heading);
  assert.deepEqual(headings, [
    'Options',
    'Record and enforce',
    'Inspect',
    'Kubernetes',
    'Components, which the manifests start',
    'Commands',
    'Example',
  ]);
  assert.doesNotMatch(helps[''] ?? '', /open-directory|suggest/);
});

test('descriptions are orders, and defaults are as people write them', () => {
  for (const [path, text] of Object.entries(helps)) {
    const [, description = ''] = /^Usage: .*\n\n(.*(?:\n.+)*)/.exec(text) ?? [];
    assert.match(description, /^[A-Z][a-z]+ .*[^.]$/s, path);
    assert.doesNotMatch(text, /default:\s+(\{|\[|\d{5,}(?!, env))/, path);
  }
});

test('the help of every command ends with examples of it', () => {
  for (const [path, text] of Object.entries(helps)) {
    // As people call it: by kubectl.
    const words = path.replace(/^kubectl/, 'kubectl syscribe');
    const called = path.startsWith('kubectl') ? words : `syscribe ${path}`.trim();
    assert.match(text, new RegExp(`\\nExamples?:\\n( {2}\\$ (sudo )?${called}\\b.*\\n)+$`), path);
  }
  for (const name of ['record', 'run', 'merge', 'diff', 'explain', 'audit', 'audit serve', 'kubectl record'])
    assert.ok(name in helps, name);
});
