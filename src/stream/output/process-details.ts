import { readFileSync } from 'node:fs';
import type { ProcessDetails } from './spo-json.ts';

const VARIABLE = 'SPO_EXEC_REQUEST_UID=';
const MAX = 16_384; // bytes of either file that are looked at

/** The arguments of a process, and the request by which it was executed, as SPO's webhook puts that into either. */
export function processDetails(pid: number, proc = '/proc'): ProcessDetails {
  const arguments_ = read(`${proc}/${pid}/cmdline`);
  if (arguments_ === undefined) return {};
  const environment = read(`${proc}/${pid}/environ`) ?? [];
  // The environment is what the webhook made of it; an argument is what anybody may have typed.
  const requestUID = [...environment, ...arguments_].find((text) => text.startsWith(VARIABLE))?.slice(VARIABLE.length);
  return {
    cmdLine: arguments_.map((argument) => `${argument} `).join(''),
    ...(requestUID !== undefined && { requestUID }),
  };
}

function read(file: string): string[] | undefined {
  try {
    const text = readFileSync(file).subarray(0, MAX).toString('utf8');
    return text.split('\0').slice(0, -1);
  } catch {
    return undefined; // Gone, or not ours to read.
  }
}
