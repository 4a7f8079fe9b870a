import { expect, test } from "vitest";
import { plainRecipe } from "./detail-page";
import { recipeOf } from "./edit-form";

const base = { model: "acme/chat", lora_modules: [{ name: "a", path: "/a" }] };

test("what the form has no fields for stays as it was", () => {
  const spec = { name: "chat", start: true, config: null, model: "acme/other", replicas: 2 };
  expect(recipeOf(spec, base, " Short ")).toEqual({
    model: "acme/other",
    replicas: 2,
    lora_modules: base.lora_modules,
    description: "Short",
  });
});

test("a recipe is shown without what is empty", () => {
  const recipe = { ...base, environment: {}, lora_modules: [], revision: null };
  expect(plainRecipe(recipe)).toEqual({ model: "acme/chat" });
});
