"""Generated parcels with known faults, for tests, measurements and the demo. Nothing here is a real parcel."""

from gis.synthetic.fabric import Fabric, fabric
from gis.synthetic.faults import FAULT_KINDS, Fault, inject

__all__ = ["FAULT_KINDS", "Fabric", "Fault", "fabric", "inject"]
