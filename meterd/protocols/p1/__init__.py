"""P1 ports of smart meters (DSMR 2.2 to 5, Belgium, Luxembourg, Sweden, Austria): telegrams that are sent unasked."""
