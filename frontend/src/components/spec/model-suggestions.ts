/** What a field for a model suggests while it is typed in. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { libraryQuery, suggestionsQuery } from "@/api/models";
import type { Suggested } from "@/components/combobox";
import { t } from "@/strings";

const PAUSE_MS = 300;

/** The models on disk that have the words being typed, then those of the hub. */
export function useModelSuggestions(typed: string): Suggested[] {
  const [words, setWords] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { data: kept = [] } = useQuery(libraryQuery);
  const { data: found = [] } = useQuery(suggestionsQuery(words));
  const here = kept.filter((one) => one.state === "complete").map((one) => one.repo);
  const local = [
    { value: "demo", hint: t.form.demo },
    ...[...new Set(here)].map((value) => ({ value, hint: t.form.onDisk })),
  ];
  return ranked(
    typed,
    local,
    found.map((one) => one.repo),
  );
}

/** Pure: what has the words, each id once, what is on disk first. A whole id asks for everything. */
export function ranked(
  typed: string,
  local: readonly Suggested[],
  found: readonly string[],
): Suggested[] {
  const words = typed.toLowerCase().split(/\s+/);
  const has = (value: string) => words.every((word) => value.toLowerCase().includes(word));
  const isWhole = local.some((one) => one.value === typed);
  const ids = new Set(local.map((one) => one.value));
  return [
    ...local.filter((one) => isWhole || has(one.value)),
    ...found.filter((repo) => has(repo) && !ids.has(repo)).map((value) => ({ value, hint: "" })),
  ];
}
