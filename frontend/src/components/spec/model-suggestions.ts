/** What a field for a model suggests while it is typed in. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { libraryQuery, suggestionsQuery } from "@/api/models";
import { t } from "@/strings";

export interface ModelSuggestion {
  value: string;
  hint: string;
}

const PAUSE_MS = 300;

/** The models on disk, then those of the hub that have the words being typed. */
export function useModelSuggestions(typed: string): ModelSuggestion[] {
  const [words, setWords] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const { data: kept = [] } = useQuery(libraryQuery);
  const { data: found = [] } = useQuery(suggestionsQuery(words));
  const here = new Set(kept.filter((one) => one.state === "complete").map((one) => one.repo));
  return [
    { value: "demo", hint: t.form.demo },
    ...[...here].map((value) => ({ value, hint: t.form.onDisk })),
    ...found.filter(({ repo }) => !here.has(repo)).map(({ repo }) => ({ value: repo, hint: "" })),
  ];
}
