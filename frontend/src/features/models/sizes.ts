/** Sizes of models to choose from, in parameters. */

const BILLION = 1_000_000_000;

export const SIZES = ["to-1b", "1b-4b", "4b-10b", "10b-40b", "from-40b"] as const;
export type Size = (typeof SIZES)[number];

export interface Bounds {
  min_parameters?: number;
  max_parameters?: number;
}

const BOUNDS: Record<Size, Bounds> = {
  "to-1b": { max_parameters: BILLION },
  "1b-4b": { min_parameters: BILLION, max_parameters: 4 * BILLION },
  "4b-10b": { min_parameters: 4 * BILLION, max_parameters: 10 * BILLION },
  "10b-40b": { min_parameters: 10 * BILLION, max_parameters: 40 * BILLION },
  "from-40b": { min_parameters: 40 * BILLION },
};

export function boundsOf(size: Size): Bounds {
  return BOUNDS[size];
}
