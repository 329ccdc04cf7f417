"""Texts in, questions in words: the hashing embedder needs no model and no network."""

import kinspace as ks

recipes = {
    "pancakes": "Whisk flour, milk and eggs to a thin batter, then fry it in butter on both sides.",
    "guacamole": "Mash ripe avocados with lime juice, chopped onion, coriander and salt.",
    "pesto": "Grind basil, pine nuts, garlic and cheese with olive oil into a green sauce.",
    "lentil soup": "Simmer red lentils with onions, carrots and cumin until soft, then blend.",
}

with ks.connect(":memory:") as hub:
    kitchen = hub.create_space("kitchen", embedder=ks.embed.Hashing(512))
    kitchen.add_texts(list(recipes), list(recipes.values()), minutes=[20, 10, 15, 40])

    for question in ("mashed avocado", "a sauce with basil", "frying batter"):
        best = kitchen.search(question, k=1)[0]
        print(f"{question!r:22} -> {best.key} ({best.distance:.2f})")

    quick = kitchen.search("onions", k=2, where="minutes < 30")
    print(quick.rows.select("key", "minutes"))
