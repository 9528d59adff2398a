import type { RecordInput } from '../../src/datatrics/encode.ts';
import { RESOURCES } from '../../src/datatrics/endpoints.ts';
import { isObject, type JsonObject } from '../../src/datatrics/records/fields.ts';
import { readJson } from '../../src/lib/digits.ts';
import type { Columns, Slot } from './columns.ts';
import type { ImportOptions } from './options.ts';
import type { RowProblem } from './problem.ts';
import { cellText, setValue, ValueError, type ValueOptions } from './values.ts';

export type ConvertOptions = ValueOptions &
  Pick<ImportOptions, 'resource' | 'source' | 'type' | 'empty'> & { readonly columns: Columns };

/** The input of a mutation, valid if there are no problems. */
export interface Converted {
  readonly input: RecordInput;
  readonly problems: readonly RowProblem[];
}

class Draft implements Converted {
  readonly input: Record<string, unknown> = {};
  readonly problems: RowProblem[] = [];
  /** Names of the fields with an invalid value. */
  readonly invalid: string[] = [];
}

/** Converts rows to mutation inputs. */
export function createConverter(options: ConvertOptions) {
  const { resource, columns, source, type, empty, note } = options;
  const keyNames = [`${resource}Id`, 'source'];

  function set(draft: Draft, slot: Slot, column: string, given: unknown, isCell: boolean): void {
    try {
      let value = isCell && given !== '' ? cellText(given as string, note) : given;
      if (isCell && value === '') {
        // The key is never cleared.
        if (empty === 'skip' || slot.kind === 'type' || keyNames.includes(slot.name)) return;
        value = null;
      }
      setValue(draft.input, slot, value, options);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      draft.invalid.push(slot.name);
      draft.problems.push({ code: 'INVALID', message: `${column}: ${error.message}.` });
    }
  }

  function setAll(draft: Draft, record: JsonObject, isOuter: boolean): void {
    for (const [name, value] of Object.entries(record)) {
      if (isOuter && name === RESOURCES[resource].body.wrapper && isObject(value)) {
        setAll(draft, value, false);
        continue;
      }
      const slot = columns.slotOf(name);
      if (slot !== null) set(draft, slot, name, value, false);
      else draft.problems.push({ code: 'INVALID', message: `${name}: no field has this name (--strict).` });
    }
  }

  function finish(draft: Draft): Converted {
    const { input, problems, invalid } = draft;
    if (source !== undefined) input.source ||= source;
    if (resource === 'content') input.type ??= type === 'item' ? 'ITEM' : 'CATEGORY';
    for (const name of keyNames) {
      if ((input[name] ?? null) !== null || invalid.includes(name)) continue;
      problems.push({ code: 'REQUIRED', message: `${name} is missing.` });
    }
    return draft;
  }

  return {
    /** Converts the cells of a row of CSV. */
    ofCells(cells: readonly string[], header: readonly string[], slots: readonly Slot[]): Converted {
      const draft = new Draft();
      for (let at = 0; at < slots.length; at++) {
        const slot = slots[at] as Slot;
        if (slot.kind !== 'nothing') set(draft, slot, header[at] as string, cells[at], true);
      }
      return finish(draft);
    },

    /** Converts a line of NDJSON. */
    ofJson(text: string): Converted {
      const draft = new Draft();
      let record: unknown;
      let message = 'The row is not a JSON object.';
      try {
        record = readJson(text);
      } catch (error) {
        message = `The row is not JSON: ${(error as Error).message}.`;
      }
      if (isObject(record)) {
        setAll(draft, record, true);
        return finish(draft);
      }
      draft.problems.push({ code: 'MALFORMED', message });
      return draft;
    },
  };
}
