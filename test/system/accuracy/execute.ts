import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvidenceFile, Running, readEvidence, SYSCRIBE, syscribe } from '../support/syscribe.ts';
import { parseStrace } from './strace.ts';
import type { Workload } from './workloads.ts';

/** Puts `workload` behind a prefix (strace, syscribe …), drives it, and checks its work. */
export async function execute(
  workload: Workload,
  prefix: (output: string) => readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ output: string; text: string; stderr: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-work-'));
  const outputs = mkdtempSync(join(tmpdir(), 'syscribe-out-'));
  try {
    if (workload.uid !== undefined) chownSync(directory, workload.uid, workload.uid);
    chmodSync(directory, 0o755);
    const output = join(outputs, 'output');
    const [file = '', ...args] = [...prefix(output), ...workload.prepare(directory)];
    const running = new Running(file, args, { env, cwd: directory });
    let ended = false;
    void running.finished.then(() => {
      ended = true;
    });
    await workload.drive?.(directory, () => ended);
    const { code, stdout, stderr } = await running.finished;
    assert.equal(code, workload.exitCode ?? 0, `${workload.name} under ${file}:\n${stdout}\n${stderr}`);
    workload.check?.(directory, stdout);
    return { output, text: prefix.length > 0 ? readIfThere(output) : '', stderr };
  } finally {
    rmSync(directory, { recursive: true, force: true });
    rmSync(outputs, { recursive: true, force: true });
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** What sudo(8) would set for the workload's user. */
export function userEnvironment(workload: Workload): NodeJS.ProcessEnv {
  const id = `${workload.uid}`;
  return workload.uid === undefined ? process.env : { ...process.env, SUDO_UID: id, SUDO_GID: id, SUDO_USER: 'nobody' };
}

export async function traced(workload: Workload): Promise<Set<string>> {
  const user = workload.uid === undefined ? [] : ['-u', 'nobody'];
  const { text } = await execute(workload, (output) => [
    'strace',
    '-f',
    '-n',
    '--quiet=attach,exit',
    ...user,
    '-o',
    output,
  ]);
  return parseStrace(text);
}

/** Records a workload; the calls it was seen to make as `abi:number`, and the profile. */
export async function recorded(
  workload: Workload,
  options: readonly string[] = [],
): Promise<{ calls: Set<string>; evidence: EvidenceFile; profile: string }> {
  const files = mkdtempSync(join(tmpdir(), 'syscribe-rec-'));
  try {
    const evidenceFile = join(files, 'evidence');
    const { text } = await execute(
      workload,
      (output) => [SYSCRIBE, 'record', '-t', 'raw-seccomp', '-o', output, '--evidence', evidenceFile, ...options, '--'],
      userEnvironment(workload),
    );
    const evidence = readEvidence(evidenceFile);
    const seen = evidence.syscalls.filter(({ sources }) => sources.includes('workload'));
    return { calls: new Set(seen.map(({ abi, number }) => `${abi}:${number}`)), evidence, profile: text };
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

/** One profile of several recordings of the same program, as `syscribe merge` makes it, with another default action. */
export async function mergeProfiles(profiles: readonly string[], defaultAction: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-merge-'));
  try {
    const files = profiles.map((profile, index) => {
      const file = join(directory, `${index}.json`);
      writeFileSync(file, profile);
      return file;
    });
    const { code, stdout, stderr } = await syscribe(['merge', ...files]);
    assert.equal(code, 0, stderr);
    return JSON.stringify({ ...JSON.parse(stdout), defaultAction });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function runUnder(workload: Workload, profile: string): Promise<{ stderr: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-run-'));
  try {
    const file = join(directory, 'profile.json');
    writeFileSync(file, profile);
    return await execute(workload, () => [SYSCRIBE, 'run', '-p', file, '--'], userEnvironment(workload));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
