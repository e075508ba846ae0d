"""Modbus TCP: registers and coils of meters, cabinets and relays, read in turn."""

from anju_edge.drivers.supported import Support, Tier

SUPPORT = Support(
    driver="modbus",
    title="Modbus TCP",
    tier=Tier.PEER,
    speaks="Modbus TCP, functions 1 to 6, also through a TCP gateway to RTU",
    says="pymodbus's own server is the peer in tests/edge/test_modbus.py, and a session"
    " recorded from it is played there; the profiles' registers were not compared with"
    " makers' own documents, and no meter of a maker is tested here.",
    page="modbus.md",
    devices=("pymodbus server 3.16",),
    models=("electrical_cabinet", "charging_shed", "stove_plug", "water_meter", "gas_alarm"),
    needs_extra="modbus",
)
