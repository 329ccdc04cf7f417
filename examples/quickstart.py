"""A hub, a space, a few rows: store them durably, reopen, find neighbours."""

import tempfile

import kinspace as ks

with tempfile.TemporaryDirectory() as folder:
    with ks.connect(folder) as hub:
        cities = hub.create_space("cities", dims=2, metric="l2")
        cities.set("Berlin", [52.5, 13.4], country="DE", people=3_700_000)
        cities.set("Potsdam", [52.4, 13.1], country="DE", people=180_000)
        cities.set("Poznań", [52.4, 16.9], country="PL", people=540_000)
        cities.multiset({"Szczecin": [53.4, 14.6], "Leipzig": [51.3, 12.4]})
        cities.update("Szczecin", country="PL", people=390_000)

    with ks.connect(folder) as hub:  # everything is still there
        cities = hub.get_space("cities")
        print(cities, cities.get("Berlin"), cities.row("Poznań"))

        print("near Berlin:")
        for key, distance in cities.nearest_neighbors(3, key="Berlin"):
            print(f"  {distance:5.2f}  {key}")

        print("near (52, 15), in Poland:")
        print(cities.nearest_neighbors(2, vector=[52, 15], where="country = 'PL'").rows)

        cities.delete("Potsdam")
        print(len(cities), "rows,", "Potsdam" in cities)
