"""Generated parcels with known faults, for tests, measurements and the demo. Nothing here is a real parcel."""

from gis.synthetic.fabric import Fabric, fabric
from gis.synthetic.faults import FAULT_KINDS, Fault, inject
from gis.synthetic.sheet import DemoSheet, nam_tra_my_sheet

__all__ = ["FAULT_KINDS", "DemoSheet", "Fabric", "Fault", "fabric", "inject", "nam_tra_my_sheet"]
