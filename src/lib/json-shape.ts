/** Which parts of a JSON value are wanted: all of it, or the members of these names of an object, or of each object in an array. */
export type Wanted = true | WantedMembers;
export interface WantedMembers {
  readonly [name: string]: Wanted;
}

/** The members of an object, or of the objects in an array, in the order in which they come, each with those inside it. */
export type Shape = ReadonlyMap<string, Shape | undefined>;

/** Objects with more kinds of members than this are dictionaries, whose names tell nothing about the next one's. */
const MOST_MEMBERS = 128;
/** What a shape and those inside it may have together, since code is made for each. */
const MOST_TOGETHER = 1_024;
const MOST_LEVELS = 8;

/**
 * The shape that is known before any text was seen.
 *
 * @throws TypeError when a wanted member is named `__proto__`
 */
export function shapeOf(wanted: WantedMembers): Shape {
  if (Object.hasOwn(wanted, '__proto__')) throw new TypeError('A member named __proto__ cannot be read.');
  return new Map(Object.entries(wanted).map(([name, it]) => [name, it === true ? undefined : shapeOf(it)]));
}

/** The shape of the objects in the value, and what was known of such objects before. */
export function learn(value: unknown, known: Shape): Shape {
  return merge(objectsIn(value), known, { left: MOST_TOGETHER }, MOST_LEVELS) ?? known;
}

function merge(objects: object[], known: Shape | undefined, room: { left: number }, levels: number): Shape | undefined {
  const order: string[] = [];
  for (const names of [...objects.map(Object.keys), [...(known?.keys() ?? [])]]) {
    // Before they are looked up: the time for that grows with the square of their number.
    if (names.length > MOST_MEMBERS) return known;
    let at = 0;
    for (const name of names) {
      const found = order.indexOf(name);
      if (found === -1) order.splice(at, 0, name);
      at = (found === -1 ? at : found) + 1;
    }
    if (order.length > Math.min(MOST_MEMBERS, room.left)) return known;
  }
  room.left -= order.length;
  return new Map(
    order.map((name) => {
      const inside = levels === 1 ? [] : objects.flatMap((it) => objectsIn(Reflect.get(it, name)));
      const before = known?.get(name);
      return [name, inside.length === 0 ? before : merge(inside, before, room, levels - 1)];
    }),
  );
}

/** The object itself, or those in the array. */
function objectsIn(value: unknown, levels = MOST_LEVELS): object[] {
  if (typeof value !== 'object' || value === null || levels === 0) return [];
  return Array.isArray(value) ? value.flatMap((it) => objectsIn(it, levels - 1)) : [value];
}
